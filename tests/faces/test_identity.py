import itertools

import numpy as np

from emomusic.faces.detection import MtcnnDetector
from emomusic.faces.identity import SAME_PERSON, describe_persons, group_persons
from emomusic.media.images import read_image
from tests.films import BIDEN, COLLINS, FOUR_PEOPLE, HOPPER, MORISOT, OBAMA, OBAMA_SPEAKING, SAMPLES

PORTRAITS = (OBAMA, OBAMA_SPEAKING, BIDEN, COLLINS, HOPPER, MORISOT, "morisot-young-woman-in-mauve-1880.jpg")
PERSONS = ("Obama", "Obama", "Biden", "Collins", "Hopper", "Morisot", "woman in mauve")
OF_FOUR = ("Obama", "Collins", "Hopper", "Biden")  # from the left


def test_only_one_person_is_similar(detector: MtcnnDetector) -> None:
    people, rows = [*PERSONS, *OF_FOUR], []
    for name in (*PORTRAITS, FOUR_PEOPLE):
        image = read_image(SAMPLES / name)
        rows.append(describe_persons(image, sorted(detector.detect(image), key=lambda face: face.box.x)))
    similar = np.concatenate(rows) @ np.concatenate(rows).T
    for one, other in itertools.combinations(range(len(people)), 2):
        if people[one] == people[other]:
            assert similar[one, other] >= SAME_PERSON
        else:
            assert similar[one, other] < SAME_PERSON - 0.05, (people[one], people[other])


def test_a_person_begins_at_the_threshold() -> None:
    one, other = np.eye(1024, dtype=np.float32)[:2]
    for cosine, groups in ((SAME_PERSON + 0.02, [[0, 1]]), (SAME_PERSON - 0.02, [[0], [1]])):
        turned = np.float32(cosine) * one + np.float32(np.sqrt(1 - cosine**2)) * other
        assert group_persons(np.stack([one, turned]), [0, 1]) == groups


def test_faces_of_several_pictures_are_grouped_by_person_but_never_within_a_picture() -> None:
    one, other = np.eye(1024, dtype=np.float32)[:2]
    rows = np.stack([other, one, one, other, one])
    assert group_persons(rows, [0, 0, 1, 1, 2]) == [[1, 2, 4], [0, 3]]
    assert {len(group) for group in group_persons(rows, [0, 0, 1, 1, 1])} == {1, 2}
    assert group_persons(rows[:0], []) == []
