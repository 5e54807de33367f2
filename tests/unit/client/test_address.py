import pytest

from peavine.client.address import target
from peavine.errors import InvalidRequest


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:8081", "localhost:8081"),
        ("localhost", "localhost:8081"),
        ("grpc://search.example:9000", "search.example:9000"),
        ("grpc://search.example:9000/", "search.example:9000"),
        ("10.0.0.7:1", "10.0.0.7:1"),
        ("[::1]:8081", "[::1]:8081"),
        ("[::1]", "[::1]:8081"),
        ("::1", "[::1]:8081"),
        ("grpc://[2001:db8::7]:9000", "[2001:db8::7]:9000"),
        ("fe80::1%eth0", "[fe80::1%eth0]:8081"),
        ("unix:/run/flow.sock", "unix:/run/flow.sock"),
        ("  localhost:8081 ", "localhost:8081"),
    ],
)
def test_a_host_becomes_the_target_that_it_means(host: str, expected: str) -> None:
    assert target(host) == expected


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("", "is empty"),
        ("http://localhost:8080", 'speaks gRPC, not http; give the gRPC port of the gateway, such as "localhost:8081"'),
        ("https://search.example/v1", '"search.example:8081"'),
        ("ws://localhost:8080/v1/stream", "speaks gRPC, not ws"),
        ("ftp://localhost", '"ftp://" is not known'),
        ("localhost:", "no port"),
        ("localhost:http", "no port"),
        ("localhost:70000", "no port"),
        ("localhost:²", "no port"),
        ("localhost/search:8081", "is not HOST:PORT"),
        (":8081", "is not HOST:PORT"),
        ("unix:", "names no socket"),
        ("[::1", 'is not an IPv6 address with its port, such as "[::1]:8081"'),
        ("[::1]8081", "is not an IPv6 address"),
        ("::1]:80", "is not an IPv6 address"),
        ("[]:80", "is not an IPv6 address"),
        ("[localhost]:80", "is not an IPv6 address"),
        ("[::1]:", "no port"),
        ("a:b:c", "is not an IPv6 address"),
    ],
)
def test_a_host_that_cannot_be_meant_is_refused_with_what_to_write(host: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        target(host)
    assert says in str(refused.value)
