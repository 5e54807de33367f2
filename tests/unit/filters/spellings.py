"""Filters of every form, and tags that they may hold for."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from peavine.filters import And, Condition, Not, Or
from peavine.filters.values import Box, Circle, Place

NAMES = st.sampled_from(["price", "category", "labels", "added", "where", "in_stock", "size.width", "odd name", "in"])
TEXTS = st.sampled_from(["", "a", "b", "shoes", 'say "hi" \\ now', "2026-01-01", "ä\n"]) | st.text(
    st.characters(codec="utf-8"), max_size=4
)
NUMBERS = st.sampled_from([0.0, 1.0, -2.5, 60.0, 1e300]) | st.floats(allow_nan=False, allow_infinity=False)
MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC))
SCALARS = st.booleans() | NUMBERS.map(lambda number: number + 0.0) | TEXTS | MOMENTS
LATITUDES, LONGITUDES = (st.integers(-limit, limit).map(float) for limit in (90, 180))
PLACES = st.builds(Place, LATITUDES, LONGITUDES)
CIRCLES = st.builds(Circle, PLACES, st.integers(0, 20_000_000).map(float))
BOXES = st.builds(lambda one, other: Box(*((one, other) if one.lat >= other.lat else (other, one))), PLACES, PLACES)
CONDITIONS = st.one_of(
    st.builds(Condition, NAMES, st.sampled_from(["eq", "ne", "contains"]), SCALARS),
    st.builds(Condition, NAMES, st.sampled_from(["lt", "lte", "gt", "gte"]), NUMBERS | TEXTS | MOMENTS),
    st.builds(Condition, NAMES, st.sampled_from(["in", "nin"]), st.lists(SCALARS, max_size=3).map(tuple)),
    st.builds(Condition, NAMES, st.just("prefix"), TEXTS),
    st.builds(Condition, NAMES, st.just("exists")),
    st.builds(Condition, NAMES, st.just("within"), CIRCLES | BOXES),
)
FILTERS = st.recursive(
    CONDITIONS,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(And, st.lists(parts, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(parts, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)

JSON = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 100), NUMBERS, TEXTS, MOMENTS.map(datetime.isoformat),
    PLACES.map(Place.to_object), st.lists(TEXTS | NUMBERS | st.booleans(), max_size=3),
)  # fmt: skip
TAGS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["price", "category", "labels", "added", "where", "in_stock", "odd name", "in"], JSON),
        "size": st.fixed_dictionaries({}, optional={"width": JSON}) | JSON,
    },
)
