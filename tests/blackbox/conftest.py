import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "tools"))

import poplib  # noqa: E402

from post_office import BINARY, NOBODY, PostOffice  # noqa: E402

# poplib gives up at lines of 2,048 octets; real mail has longer ones.
poplib._MAXLINE = 1 << 26


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than ten seconds")
    if not os.access(BINARY, os.X_OK):
        raise pytest.UsageError(f"{BINARY} is not there: build it, or set "
                                "YUBIN to a program")


@pytest.fixture(scope="module")
def office():
    """One running server for the tests of a file."""
    office = PostOffice()
    try:
        office.start()
        yield office
    finally:
        office.close()


@pytest.fixture(autouse=True)
def clean_log(request):
    """What one test made the server say is that test's failure."""
    yield
    if "office" in request.fixturenames:
        request.getfixturevalue("office").check_log()


@pytest.fixture
def user(office):
    """The address of a new account with an empty maildrop."""
    return office.add_account()


@pytest.fixture
def new_office():
    """Makes servers that end with the test."""
    made = []

    def make(user=None, start=True):
        office = PostOffice(user)
        made.append(office)
        return office.start() if start else office

    yield make
    for office in made:
        office.close()


@pytest.fixture(scope="session")
def corpus():
    """(name, octets) of the messages of YUBIN_TEST_DATA, without the mbox
    lines that old collectors left in front of some."""
    folder = os.environ.get("YUBIN_TEST_DATA")
    if not folder:
        pytest.skip("YUBIN_TEST_DATA names no folder of messages")
    found = []
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders
                            if not f.startswith("maildir-") and f != "mbox")
        for name in sorted(files):
            if not name.endswith(".eml"):
                continue
            path = os.path.join(top, name)
            with open(path, "rb") as f:
                body = f.read()
            if body.startswith(b"From "):
                end = min((i for i in (body.find(b"\n"), body.find(b"\r"))
                           if i >= 0), default=len(body) - 1)
                if body[end:end + 2] == b"\r\n":
                    end += 1
                body = body[end + 1:]
            found.append((os.path.relpath(path, folder), body))
    assert found, f"no *.eml in {folder}"
    return found


def pytest_generate_tests(metafunc):
    """`as_whom` runs a test as root with separate users, and without."""
    if "as_whom" in metafunc.fixturenames:
        root = os.geteuid() == 0
        metafunc.parametrize("as_whom", [None, NOBODY] if root else [None],
                             ids=["root", "nobody"] if root else ["user"])
