# SPDX-License-Identifier: BSD-3-Clause
"""What every test needs, whatever it tests: checks, each of which says what it wanted and what it found, waiting, and
running a program."""
import os
import subprocess
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("SLUICE_BUILD", "build"))
QUICK = os.environ.get("SLUICE_QUICK") == "1"  # sanitizer runs: shorter streams


class Skip(Exception):
    """Raised by a test that cannot run here; the text says why."""


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def equal(got, want, what):
    check(got == want, f"{what}: want {want}, got {got}")


def at_least(got, want, what):
    check(got >= want, f"{what}: want at least {want}, got {got}")


def wait_for(condition, text, seconds=20.0):
    """Returns the first true value of condition(). The time is a limit for what never comes, on a machine that is busy with
    other things, and below the control plane's own looks at everything (60 s): how long a thing takes is measured elsewhere."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, f"{text}: not within {seconds} s")
        time.sleep(0.02)


def settled(measure, good, times=5, again=lambda: None):
    """A figure that needs programs to have their CPU: taken again, a few times, each after again() and a longer pause, while it
    is not good. The caller checks what comes back: what is wrong with the switch is wrong each time."""
    value = measure()
    for pause_s in range(1, times):
        if good(value):
            break
        print(f"taken again, the machine was busy: {value}")
        again()
        time.sleep(pause_s)
        value = measure()
    return value


def command(words, check_status=True, **kwargs):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
                          timeout=kwargs.pop("timeout", 60), check=False, **kwargs)
    if check_status and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}")
    return done.stdout
