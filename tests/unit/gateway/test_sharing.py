import pytest

from peavine.gateway.http.sharing import Share


class Client:
    """Holds a part until it is told to let go."""

    def __init__(self) -> None:
        self.gave_way = 0

    def give_way(self) -> None:
        self.gave_way += 1


def clients(count: int) -> list[Client]:
    return [Client() for _ in range(count)]


def told(holders: list[Client]) -> list[int]:
    return [holder.gave_way for holder in holders]


def test_who_has_got_on_least_lately_gives_way() -> None:
    share, (a, b, c) = Share(100), clients(3)
    share.hold(a, 40)
    share.hold(b, 40)
    share.hold(a, 50)
    share.hold(c, 40)
    assert told([a, b, c]) == [0, 1, 0]
    assert share.total == 90


def test_growing_without_getting_on_does_not_count() -> None:
    share, (a, b, c) = Share(100), clients(3)
    share.hold(a, 40)
    share.hold(b, 40)
    share.hold(a, 50, progress=False)
    share.hold(c, 40)
    assert told([a, b, c]) == [1, 0, 0]


def test_several_give_way_to_one_that_is_large() -> None:
    share, holders = Share(100), clients(6)
    for holder in holders[:5]:
        share.hold(holder, 20)
    share.hold(holders[5], 55)
    assert told(holders) == [1, 1, 1, 0, 0, 0]
    assert share.total == 95


def test_what_is_settled_never_gives_way() -> None:
    share, (a, b) = Share(100), clients(2)
    share.hold(a, 90)
    share.settle(a)
    share.hold(b, 20)
    assert told([a, b]) == [0, 1]
    assert share.total == 90
    share.release(a)
    share.hold(b, 20)
    assert told([a, b]) == [0, 1]


def test_what_was_settled_may_begin_again() -> None:
    share, (a, b) = Share(1), clients(2)
    share.hold(a, 1)
    share.settle(a)
    share.hold(a, 1)
    assert share.total == 1
    share.hold(b, 1)
    assert told([a, b]) == [1, 0]


@pytest.mark.parametrize("act", [Share.settle, Share.release], ids=["settle", "release"])
def test_one_that_gave_way_holds_nothing(act: object) -> None:
    share, (a, b) = Share(10), clients(2)
    share.hold(a, 10)
    share.hold(b, 10)
    act(share, a)  # type: ignore[operator]
    assert (share.total, told([a, b])) == (10, [1, 0])
