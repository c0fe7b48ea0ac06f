"""Draw the icon `data/icon.png`, a face with two joined notes as eyes, and `data/logo.png`, which adds the name."""

from PIL import Image, ImageDraw, ImageFont

from emomusic.assets import data_dir

SIDE = 512  # drawn large, then resized for smooth edges
PLUM, PAPER = "#8A3B6B", "#FBF8F4"
NAME_COLOUR = "#B55C90"  # has a contrast of 4:1 on the light and on the dark background
LOGO = (360, 80)


def draw_icon() -> Image.Image:
    """A plum disc with two joined notes as eyes, and a smile."""
    icon = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(icon)
    draw.ellipse((8, 8, SIDE - 8, SIDE - 8), fill=PLUM)
    for x in (150, 318):
        draw.ellipse((x - 44, 236, x + 28, 296), fill=PAPER)
        draw.rectangle((x + 10, 120, x + 28, 266), fill=PAPER)
    draw.polygon([(160, 120), (346, 96), (346, 136), (160, 160)], fill=PAPER)
    draw.arc((150, 250, 362, 420), start=20, end=160, fill=PAPER, width=26)
    return icon.resize((128, 128), Image.Resampling.LANCZOS)


def draw_logo() -> Image.Image:
    """The icon and the name in one line."""
    height = LOGO[1]
    logo = Image.new("RGBA", LOGO, (0, 0, 0, 0))
    logo.paste(draw_icon().resize((height, height), Image.Resampling.LANCZOS))
    font = ImageFont.load_default(52)
    ImageDraw.Draw(logo).text((height + 16, height / 2), "EmoMusic", NAME_COLOUR, font, anchor="lm", stroke_width=0.6)
    return logo.crop((0, 0, height + 20 + round(font.getlength("EmoMusic")), height))


if __name__ == "__main__":
    draw_logo().save(data_dir() / "logo.png", optimize=True)
    draw_icon().save(data_dir() / "icon.png", optimize=True)
