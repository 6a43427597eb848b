"""Who appears in the demo: four merchants with a few remarkable goods, and eight customers.

Prices are US cents; floors and what a good is worth to a customer are private to their owners.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Good:
    """Something for sale."""

    title: str
    description: str
    price_cents: int
    floor_cents: int
    stock: int
    shipped: bool = False


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant and its store. ``facts``: what to answer to a question that names the keyword."""

    merchant: str
    store: str
    tagline: str
    brand_voice: str
    return_policy: str
    shipping_policy: str
    goods: tuple[Good, ...]
    facts: dict[str, str]
    hero_only: bool = False


@dataclass(frozen=True, slots=True)
class Guest:
    """A customer with one wish. ``stars`` and ``as_described`` go from 1 to 5."""

    name: str
    bio: str
    wish: str
    value_cents: int
    question: str
    review: str
    stars: int = 5
    as_described: int = 5
    haggles: bool = True


SHOPS = (
    Shop(
        merchant="Ines Nightjar",
        store="Nightjar Sound Archive",
        tagline="Places you can only visit with your ears.",
        brand_voice="Quiet, exact, fond of weather.",
        return_policy="Returns window: 14 days. Refund rule: full refund for bad files. Warranty: 2 years.",
        shipping_policy="Shipping time: instant download.",
        goods=(
            Good(
                "Fog horns of Reykjavik harbour",
                "Forty-one minutes, four horns, one very patient seal. 96 kHz FLAC.",
                1800,
                1150,
                500,
            ),
            Good(
                "Dawn chorus over Lake Ohrid",
                "Every bird awake between 04:10 and 05:02 on a May morning. 96 kHz FLAC.",
                2400,
                1500,
                500,
            ),
        ),
        facts={
            "microphone": "Two spaced omnis on a fence post, no filters.",
            "sea": "The fog horns are all sea.",
        },
    ),
    Shop(
        merchant="Bartolo Widdershins",
        store="Widdershins Cartography",
        tagline="Maps of places that moved.",
        brand_voice="Learned and slightly seasick.",
        return_policy="All sales are considered with sympathy.",
        shipping_policy="Shipping time: instant, as a print-ready file.",
        goods=(
            Good(
                "Wandering river atlas, 1870 to today",
                "Nine meanders of one river drawn over each other in nine inks. A1, 600 dpi.",
                5200,
                3600,
                200,
            ),
            Good(
                "Star chart for lighthouse keepers",
                "The sky at 57 degrees north with every star a keeper can name. A2, 600 dpi.",
                3100,
                2300,
                200,
            ),
        ),
        facts={
            "print": "It prints sharply up to one metre wide.",
            "north": "It is drawn for 57 degrees north.",
        },
    ),
    Shop(
        merchant="Oda Kilnworth",
        store="Kiln & Cobalt",
        tagline="Bowls that survived the storm.",
        brand_voice="Warm hands, few words.",
        return_policy="Returns window: 30 days. Refund rule: full refund, unused pieces. Warranty: 5 years.",
        shipping_policy="Shipping time: 3 days, packed in straw.",
        goods=(
            Good(
                "Storm-glazed tea bowl",
                "Stoneware, 280 ml, cobalt glaze that ran in a thunderstorm and was left so.",
                6400,
                4700,
                12,
                shipped=True,
            ),
        ),
        facts={
            "dishwasher": "It survives a dishwasher but would rather not.",
            "glaze": "The glaze is lead-free.",
        },
    ),
    Shop(
        merchant="Jun Hammersmith",
        store="The One Good Knife",
        tagline="One knife. That is the whole shop.",
        brand_voice="Says it once.",
        return_policy="Returns window: 60 days. Refund rule: full refund, edge included. Warranty: for life.",
        shipping_policy="Shipping time: 2 days, insured.",
        goods=(
            Good(
                "The paring knife, nine centimetres",
                "Folded carbon steel, pear-wood handle, sharpened by the person who answers your messages.",
                11800,
                9900,
                6,
                shipped=True,
            ),
        ),
        facts={
            "sharpen": "Send it back: I sharpen it for nothing.",
            "steel": "Carbon steel: keep it dry.",
        },
        hero_only=True,
    ),
)

GUESTS = (
    Guest(
        "Mirela Sandu",
        "Scores documentaries about ports.",
        "Fog horns of Reykjavik harbour",
        1700,
        "Which microphone was used for this recording, please?",
        "I could smell the diesel. The seal deserves a credit.",
    ),
    Guest(
        "Teodor Falk",
        "Sleeps badly, listens well.",
        "Dawn chorus over Lake Ohrid",
        2300,
        "Which microphone did you use, and is there wind on it?",
        "Fifty-two minutes of getting up without getting up.",
    ),
    Guest(
        "Pia Okonkwo",
        "Teaches hydrology to twelve-year-olds.",
        "Wandering river atlas, 1870 to today",
        5000,
        "Can I print the atlas one metre wide for a classroom?",
        "Prints beautifully. The legend is smaller than promised.",
        stars=4,
        as_described=3,
    ),
    Guest(
        "Lorcan Byrne",
        "Keeps a lighthouse, retired.",
        "Star chart for lighthouse keepers",
        3000,
        "For which latitude north is the star chart drawn?",
        "Found two stars I had been calling by the wrong name since 1981.",
    ),
    Guest(
        "Hana Petrov",
        "Drinks tea competitively.",
        "Storm-glazed tea bowl",
        6200,
        "Is the glaze of the tea bowl free of lead?",
        "Arrived in straw, sings when tapped.",
    ),
    Guest(
        "Ruben Achterberg",
        "Cooks for forty on a barge.",
        "The paring knife, nine centimetres",
        11800,
        "Do you sharpen the knife again after some years?",
        "Sharp enough to make me careful. Paid the asking price, gladly.",
        haggles=False,
    ),
    Guest(
        "Saoirse Lund",
        "Buys one beautiful thing a year.",
        "Storm-glazed tea bowl",
        3900,
        "Would the tea bowl survive a dishwasher by accident?",
        "Never bought it.",
    ),
    Guest(
        "Dmitri Vale",
        "Restores clocks, collects harbours.",
        "Fog horns of Reykjavik harbour",
        1750,
        "Can one hear the sea between the fog horns?",
        "Between the third and fourth horn you can hear the tide turn.",
        as_described=4,
    ),
)
