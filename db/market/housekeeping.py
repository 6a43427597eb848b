"""Upkeep of the market that every sweep does."""

from db.platform.transactions import Transaction


async def learn_words(transaction: Transaction) -> int:
    """Take in the words of new titles and names, by which misspelt searches are put right. Returns how many are new."""
    [(learnt,)] = await transaction.run("SELECT souk_learn_words()", ())
    return int(learnt or 0)
