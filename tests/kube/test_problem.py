from autoscaler.config import Problem


def test_a_problem_is_one_sentence_with_key_value_and_rule() -> None:
    assert str(Problem("max-scale", " 3", "a number")) == 'max-scale: " 3" must be a number'


def test_a_long_value_is_shortened_and_none_breaks_the_line() -> None:
    told = str(Problem("k", 'a"\n\x1b\x9b' + "b" * 500, "short"))
    assert told == 'k: "a\\"\\n\\u001b\\u009b' + "b" * 59 + '..." must be short'
    assert told.isprintable()
