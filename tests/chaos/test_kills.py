"""kill -9 of everything in turn and at random, under load: what was acknowledged is stored exactly once."""

import os
import random
import time

import pytest
from load import Load, check_nothing_lost_nothing_doubled
from servers import Stack, wait_for

KILLS = int(os.environ.get("PULSE_CHAOS_KILLS", "20"))
RATE = 2000


def kill_one(stack: Stack, what):
    if what == "nats":
        stack.nats.kill()
        time.sleep(random.uniform(0.1, 1.5))
        stack.start_nats()
    elif what == "postgres":
        stack.postgres.kill()
        time.sleep(random.uniform(0.1, 1.5))
        stack.postgres.start()
    else:
        pulse = stack.pulses[what]
        pulse.kill()
        time.sleep(random.uniform(0.1, 1.0))
        pulse.start()


# Apart: every role alone, and two workers on the one stream.
@pytest.mark.parametrize("processes", [["gateway,mqtt,ingest,evaluator,notifier,delivery,ops"], ["gateway", "mqtt", "ingest", "ingest", "ops"]],
                         ids=["together", "apart"])
def test_kill_9_loses_nothing_and_doubles_nothing(processes):
    random.seed(7)
    with Stack(processes, fsync=True) as stack:
        targets = ["nats", "postgres", *range(len(stack.pulses))]
        with Load(stack, RATE) as load:
            wait_for("a steady load", lambda: load.acknowledged() > RATE, 60)
            for number in range(KILLS // 2):
                what = targets[number] if number < len(targets) else random.choice(targets)
                before = load.acknowledged()
                kill_one(stack, what)
                wait_for(f"the load going on after the kill of {what}",
                         lambda: load.acknowledged() > before + RATE, 90)
                time.sleep(random.uniform(0.2, 1.0))
        stack.wait_ready(60)
        # As many as a second of the full rate before the first kill and after each.
        assert check_nothing_lost_nothing_doubled(stack, load.log) >= RATE * (KILLS // 2 + 1)
