import pytest

from quarano.cockroach.address import COCKROACH_PORT, NoAddress, is_cockroach, parse


def test_an_address_names_one_host():
    found = parse("postgresql://app:a%40b@db.example:5433/quarano?sslmode=verify-full")
    assert (found["USER"], found["PASSWORD"]) == ("app", "a@b")
    assert (found["HOST"], found["PORT"]) == ("db.example", "5433")
    assert found["NAME"] == "quarano"
    assert found["OPTIONS"] == {"sslmode": "verify-full"}


@pytest.mark.parametrize(
    "address",
    [
        "cockroach://app:x@a,b:26258,c/quarano?sslmode=verify-full",
        "cockroachdb://app:x@a:26257,b:26258,c:26257/quarano?sslmode=verify-full",
        "cockroach://app:x@/quarano?host=a,b,c&port=,26258,&sslmode=verify-full",
    ],
)
def test_several_nodes_are_tried_one_after_the_other(address):
    found = parse(address)
    assert found["HOST"] == "a,b,c"
    assert found["PORT"] == "26257,26258,26257"
    assert found["OPTIONS"] == {
        "load_balance_hosts": "random",
        "connect_timeout": 3,
        "sslmode": "verify-full",
    }
    assert (found["USER"], found["NAME"]) == ("app", "quarano")


def test_what_the_address_says_holds():
    found = parse("postgresql://a,b/q?connect_timeout=7&load_balance_hosts=disable")
    assert found["OPTIONS"] == {"connect_timeout": 7, "load_balance_hosts": "disable"}
    assert found["PORT"] == ""


@pytest.mark.parametrize(
    ("address", "host", "port", "name"),
    [
        ("postgresql:///quarano", "", "", "quarano"),
        ("postgresql://postgres@%2Ftmp%2Fsock/quarano", "/tmp/sock", "", "quarano"),
        ("postgresql://%2Ftmp%2Fsock/quarano", "/tmp/sock", "", "quarano"),
        ("postgresql://[::1]:5433/q", "::1", "5433", "q"),
        ("postgresql://[::1]/q", "::1", "", "q"),
        ("cockroach://root@localhost/q", "localhost", COCKROACH_PORT, "q"),
    ],
)
def test_sockets_and_single_hosts(address, host, port, name):
    found = parse(address)
    assert (found["HOST"], found["PORT"], found["NAME"]) == (host, port, name)
    assert "load_balance_hosts" not in found.get("OPTIONS", {})


@pytest.mark.parametrize(
    "address", ["", "quarano", "mysql://a/b", "postgresql://u:geheim@a:x/b"]
)
def test_what_is_no_address_is_refused_without_repeating_it(address):
    with pytest.raises(NoAddress) as error:
        parse(address)
    assert "geheim" not in str(error.value)


def test_the_scheme_says_which_database_it_is():
    assert is_cockroach("cockroach://a/b")
    assert is_cockroach("cockroachdb://a/b")
    assert not is_cockroach("postgresql://a/cockroach")
