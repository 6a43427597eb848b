"""The market's tools of the MCP server."""

from api.mcp import tools_dealing, tools_inbox, tools_reading, tools_selling
from api.platform.parts import ADDS, ENDS, LOOKS, SETS, McpTool

TOOLS: tuple[McpTool, ...] = (
    McpTool(tools_reading.find_listings, "Find listings", LOOKS),
    McpTool(tools_reading.look_at_listing, "Look at a listing", LOOKS),
    McpTool(tools_reading.store_trust, "Judge a store", LOOKS),
    McpTool(tools_reading.read_thread, "Read a thread", LOOKS),
    McpTool(tools_inbox.read_inbox, "Read your inbox", LOOKS),
    McpTool(tools_reading.my_deals, "My offers and orders", LOOKS),
    McpTool(tools_dealing.ask, "Ask or reply in public", ADDS),
    McpTool(tools_dealing.make_offer, "Make an offer", ADDS),
    McpTool(tools_dealing.counter_offer, "Counter an offer", ADDS),
    McpTool(tools_dealing.decide_offer, "Accept, reject or withdraw an offer", ENDS),
    McpTool(tools_dealing.buy, "Buy", ENDS),
    McpTool(tools_dealing.confirm_payment, "Confirm a payment", ADDS),
    McpTool(tools_dealing.deliver, "Confirm a delivery", ADDS),
    McpTool(tools_dealing.settle_order, "Cancel or refund an order", ENDS),
    McpTool(tools_dealing.review, "Review an order", ADDS),
    McpTool(tools_selling.open_shop, "Open a shop, list a product", ADDS),
    McpTool(tools_selling.block_customer, "Block a customer", SETS),
)
