"""Every probe, in the order in which they are tried."""

from souk.drills.attack import numbers, operators, reach, shopping, threads, trust, unpaid
from souk.drills.attack.findings import Probe

PROBES = (
    Probe("odd-numbers", "numbers that are none, in every field of every body and tool", numbers.send_odd_numbers),
    Probe("whole-numbers", "3.0 for 3", numbers.write_whole_numbers_with_a_point),
    Probe("durations", "an offer that lasts for no time", numbers.last_for_no_time),
    Probe("challenges", "claim challenges without a stake", trust.challenge_without_a_stake),
    Probe("cycled-unit", "one unit bought, praised and paid back three times", trust.cycle_one_unit),
    Probe("review-at-refund", "a review while a refund request waits", trust.review_while_a_refund_waits),
    Probe("all-stock", "all units ordered and not paid", unpaid.take_all_stock),
    Probe("stock-for-a-week", "units held for the promised week by an unpaid order", unpaid.hold_stock_for_a_week),
    Probe("broken-promises", "ten unpaid orders run past their promise", unpaid.let_ten_orders_pass_their_promise),
    Probe("threshold", "a bid for all units that a threshold accepts", unpaid.bid_what_a_threshold_accepts),
    Probe("holds", "accepted offers beyond the cap of open negotiations", unpaid.hold_beyond_the_cap),
    Probe("release", "a buyer lets go of its hold", unpaid.let_go_of_a_hold),
    Probe("unpaid-stars", "eight one-star reviews of unpaid orders", unpaid.give_one_star_unpaid),
    Probe("blocked", "a blocked buyer goes on", unpaid.stay_after_a_block),
    Probe("nested-answers", "a thread of 240 answers to answers", threads.nest_answers),
    Probe("nested-json", "lists in lists in every body", threads.nest_json),
    Probe("hidden-words", "the words of a hidden message", threads.read_hidden_words),
    Probe("destinations", "goods to countries that are none, and to half an address", shopping.send_to_nowhere),
    Probe("outcomes", "what a platform hears that asks for what is not there", shopping.hear_of_business),
    Probe("verdicts", "a failing webhook and an appeal, in every verdict", operators.ask_how_it_is, alone=True),
    Probe("loopback", "webhooks and profiles on the machine of a public Souk", reach.reach_this_machine, alone=True),
    Probe(
        "restored-dump", "data from a cluster that had come further", operators.restore_a_dump_of_a_busier_cluster,
        alone=True,
    ),
)  # fmt: skip
ATTACKS = {probe.name: probe.attack for probe in PROBES}
NAMES = tuple(ATTACKS)
