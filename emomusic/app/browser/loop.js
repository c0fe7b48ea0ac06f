/** Plays a silent film again and again, unless the visitor prefers less motion or stops it. */
import { Part } from "./base.js";

class Loop extends Part {
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(element) {
    super(element);
    this.listen(this.#still, "change", () => this.#follow());
  }

  update({ file, alt }) {
    const { href } = new URL(file, import.meta.url), video = this.find("video");
    if (video.src === href) return;
    Object.assign(video, { src: href, ariaLabel: alt });
    this.#follow();
  }

  #follow() {
    const video = this.find("video");
    if (this.#still.matches) video.pause();
    else video.play().catch(() => {});
  }
}

export { Loop as loop };
