# SPDX-License-Identifier: GPL-3.0-or-later
"""A test program: functions marked @test, run in order, reported as TAP.

    @test
    def a_sentence_about_what_is_true(mount):
        equal(os.listdir(mount.point), ["web01"])

    run(mount)
"""

import errno
import os
import signal
import sys
import traceback


class Failure(Exception):
    """An expectation of a test does not hold."""


class Skip(Exception):
    """The test cannot run here; the reason must stand in tests/skips."""


_tests = []


def test(function):
    _tests.append(function)
    return function


def run(*arguments):
    """Runs every test with the arguments and exits; SNAPFS_TEST=PART runs those whose name has it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was begun is cleaned up
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # programs that we start must not inherit what nohup(1) has set
    wanted = os.environ.get("SNAPFS_TEST", "")
    chosen = [one for one in _tests if wanted in one.__name__]
    failed = 0
    print(f"1..{len(chosen)}")
    for number, one in enumerate(chosen, 1):
        failed += not _run_one(number, one, arguments)
        sys.stdout.flush()
    if failed:
        raise SystemExit(1)


def _run_one(number, one, arguments):
    title = f"{number} {one.__name__.replace('_', ' ').strip()}"
    try:
        one(*arguments)
    except Skip as reason:
        print(f"ok {title} # SKIP {reason}")
        return True
    except Failure as failure:
        print(f"not ok {title}")
        note(str(failure))
        note(_place(failure))
        return False
    except Exception:
        print(f"not ok {title}")
        note(traceback.format_exc())
        return False
    print(f"ok {title}")
    return True


def _place(failure):
    for frame in reversed(traceback.extract_tb(failure.__traceback__)):
        if os.path.basename(os.path.dirname(frame.filename)) != "lib":
            return f"at {os.path.basename(frame.filename)}:{frame.lineno}: {frame.line}"
    return ""


def note(text):
    """A diagnostic."""
    for line in text.splitlines():
        print("# " + line.encode(errors="backslashreplace").decode())


def fail(sentence):
    raise Failure(sentence)


def true(condition, sentence):
    if not condition:
        fail(sentence)


def equal(got, expected, what="value"):
    if got != expected:
        fail(f"{what}\nexpected: {expected!r}\ngot:      {got!r}")


def holds(text, part, what="text"):
    if part not in text:
        fail(f"{what}\nexpected to hold: {part!r}\ngot:              {text!r}")


def refused(number, function, *arguments, **keywords):
    """The call fails with the errno given, which is returned as the exception."""
    name = errno_name(number)
    try:
        result = function(*arguments, **keywords)
    except OSError as error:
        if error.errno != number:
            fail(f"{_call(function, arguments)}\nexpected: {name}\ngot:      {errno_name(error.errno)}")
        return error
    return fail(f"{_call(function, arguments)}\nexpected: {name}\ngot:      success, {result!r}")


def _call(function, arguments):
    words = ", ".join(repr(one)[:200] for one in arguments)
    return f"{getattr(function, '__name__', function)}({words})"


def errno_name(number):
    if number == errno.EOPNOTSUPP:  # Linux's ENOTSUP is the same number
        return "EOPNOTSUPP"
    return errno.errorcode.get(number, str(number))
