from extender.core.quota.kinds import Kind, Kinds


def test_the_priority_class_says_the_kind_and_a_pod_of_no_mapped_class_is_foreign() -> None:
    kinds = Kinds(inference=("serve", "serve-fast"), build=(), train=("batch",))
    classes = ("serve", "serve-fast", "batch", "plimsoll-inference", "")
    foreign = Kind.FOREIGN
    assert [kinds.of(one) for one in classes] == [Kind.INFERENCE, Kind.INFERENCE, Kind.TRAIN, foreign, foreign]
