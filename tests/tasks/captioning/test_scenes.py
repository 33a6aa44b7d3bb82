import numpy as np

from suimon.tasks.captioning.scenes import (
    COLORS,
    RELATIONS,
    SHAPES,
    Scene,
    combinations,
    draw_scenes,
)


def test_unseen_combinations_are_others_of_the_same_words():
    seen, unseen = combinations(), combinations(unseen=True)
    assert not set(seen) & set(unseen)
    assert len(seen) + len(unseen) == 3 * (3 * 4) ** 2 - 3 * 3 * 4
    for part in (seen, unseen):
        for field, words in (
            ("shape", SHAPES),
            ("other_shape", SHAPES),
            ("color", COLORS),
            ("other_color", COLORS),
            ("relation", RELATIONS),
        ):
            assert {getattr(scene, field) for scene in part} == set(words)
    assert Scene("circle", "red", "left of", "square", "blue").sentence == (
        "a red circle left of a blue square"
    )


def test_scenes_show_what_is_said_of_them():
    images, sentences = draw_scenes(200, seed=4)
    assert images.shape == (200, 32, 32, 3)
    places = np.indices((32, 32))
    for image, sentence in zip(images.astype(float), sentences, strict=True):
        words = sentence.split()
        color, other = words[1], words[-2]
        centres = []
        for name in (color, other):
            nearness = image @ np.array(COLORS[name]) / np.linalg.norm(COLORS[name])
            distance = np.linalg.norm(image, axis=-1) - nearness
            mask = (distance < 12) & (np.linalg.norm(image, axis=-1) > 150)
            assert mask.sum() > 10, sentence
            centres.append(places[:, mask].mean(axis=1))
        if color == other:
            continue
        (y, x), (other_y, other_x) = centres
        if "left of" in sentence:
            assert x < other_x - 5, sentence
        elif "above" in sentence:
            assert y < other_y - 5, sentence


def test_the_same_for_the_same_seed_and_none_of_the_unseen():
    images, sentences = draw_scenes(50, seed=1)
    np.testing.assert_array_equal(draw_scenes(50, seed=1)[0], images)
    assert draw_scenes(50, seed=2)[1] != sentences
    never = {scene.sentence for scene in combinations(unseen=True)}
    assert not never & set(sentences)
    assert set(draw_scenes(50, unseen=True)[1]) <= never
