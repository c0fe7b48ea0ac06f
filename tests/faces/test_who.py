import pytest

from emomusic.faces.who import EVERYONE, MOMENT, NOBODY, Kind, Who

ALL = [EVERYONE, MOMENT, NOBODY, *(make(number) for make in (Who.face, Who.person) for number in (1, 2, 12))]


def test_all_listeners_differ_in_text_value_and_label() -> None:
    for name in ("text", "value", "label"):
        assert len({getattr(who, name) for who in ALL}) == len(ALL)


@pytest.mark.parametrize(("kind", "number"), [(Kind.FACE, 0), (Kind.PERSON, -1), (Kind.EVERYONE, 1), (Kind.NOBODY, 2)])
def test_only_faces_and_persons_have_numbers(kind: Kind, number: int) -> None:
    with pytest.raises(ValueError, match="number"):
        Who(kind, number)
