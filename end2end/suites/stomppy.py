"""Runs the tests that the source package of stomp.py 4.1.24 ships (its folder stomp/test/) through a TCP door to the server.

Arguments: the unpacked package, then the ports of the doors: plain, TLS, and plain on IPv6 (0 where this machine has none).

Of the tests only addresses and logins are replaced. They are of 2020: what Python has dropped since is given back to them.
"""

import faulthandler
import fnmatch
import pathlib
import shutil
import socket
import sys
import tempfile
import threading
import unittest

# How many cases are to be run: one that is missing would not be missed otherwise.
CASES = 51

# No case takes half as long; one that waits for a message that never comes would wait forever.
LIMIT_SECONDS = 120

HERE = pathlib.Path(__file__).parent


def excluded():
    """The patterns of what is not run, with their reasons."""
    lines = (HERE / "stomppy-excluded.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))


def free_port():
    """A port for the tests' own server, below those that the system gives to others."""
    for port in range(26060, 27000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    sys.exit("error: no port from 26060 to 26999 is free; end a program that uses them.")


def copy_with_addresses(package, folder):
    """A copy of the package whose tests have our addresses and logins in the few places where they cannot be configured."""
    shutil.copytree(package, folder, dirs_exist_ok=True)
    replaced = {"60000": str(free_port()), "'admin', 'password'": "'guest', 'guest'"}
    for test in sorted((folder / "stomp" / "test").glob("*_test.py")):
        text = test.read_text(encoding="utf-8")
        for old, new in replaced.items():
            text = text.replace(old, new)
        test.write_text(text, encoding="utf-8")


def configure(port, tls_port, ipv6_port):
    from stomp.test import testutils

    plain = {"host": "127.0.0.1", "port": port, "user": "guest", "password": "guest"}
    testutils.config.read_dict(
        {
            "default": {**plain, "ssl_port": tls_port},
            "rabbitmq": plain,
            "stompserver": plain,
            "apollo": plain,
            "ipv6": {"host": "::1", "port": ipv6_port},
        }
    )


def give_back_what_python_dropped():
    unittest.TestCase.assertEquals = unittest.TestCase.assertEqual
    threading.Thread.isAlive = threading.Thread.is_alive
    if not hasattr(threading.Thread, "setDaemon"):
        threading.Thread.setDaemon = lambda thread, daemon: setattr(thread, "daemon", bool(daemon))


def select(folder, patterns):
    """All cases that no pattern names. Modules that are excluded whole are not even loaded."""
    unused = set(patterns)

    def is_excluded(name):
        matching = [pattern for pattern in patterns if fnmatch.fnmatchcase(name, pattern)]
        unused.difference_update(matching)
        return bool(matching)

    def cases_of(suite):
        for test in suite:
            if isinstance(test, unittest.TestSuite):
                yield from cases_of(test)
            elif not is_excluded(test.id()):
                yield test

    modules = sorted(f"stomp.test.{path.stem}" for path in (folder / "stomp" / "test").glob("*_test.py"))
    loaded = [unittest.defaultTestLoader.loadTestsFromName(module) for module in modules if not is_excluded(f"{module}.")]
    cases = list(cases_of(loaded))
    if unused:
        sys.exit(f"error: stomppy-excluded.txt names what does not exist: {', '.join(sorted(unused))}")
    return cases


class Result(unittest.TextTestResult):
    def startTest(self, test):
        faulthandler.dump_traceback_later(LIMIT_SECONDS, exit=True)
        super().startTest(test)

    def stopTest(self, test):
        faulthandler.cancel_dump_traceback_later()
        super().stopTest(test)


def main():
    package, port, tls_port, ipv6_port = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="maru-suite-") as name:
        folder = pathlib.Path(name)
        copy_with_addresses(pathlib.Path(package), folder)
        sys.path.insert(0, name)
        configure(port, tls_port, ipv6_port)
        give_back_what_python_dropped()
        reasons, expected = excluded(), CASES
        if ipv6_port == "0":
            reasons["stomp.test.local_test.*"] = "this machine has no IPv6"
            expected -= 1
        for pattern, reason in reasons.items():
            print(f"not run: {pattern} ({reason})")
        cases = select(folder, list(reasons))
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result).run(unittest.TestSuite(cases))
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    passed = result.testsRun - failed - len(result.skipped) - len(result.expectedFailures)
    print(f"stomp.py 4.1.24: {passed} passed, {expected - passed} failed")
    if result.testsRun != expected:
        print(f"{expected} cases are to be run, but {result.testsRun} were.")
    return 0 if passed == expected and failed == 0 else 1


sys.exit(main())
