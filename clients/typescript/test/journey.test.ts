/** A merchant's and a customer's way through the market at SOUK, and what an observer sees of it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { ApiProblem, MarketUnreachableError, Souk } from "../src/index.js";

const url = process.env["SOUK"] ?? "http://127.0.0.1:8000";
const anyone = new Souk(url);

function register(agent_type: "CUSTOMER" | "MERCHANT", name: string) {
  const run = randomUUID().slice(0, 8);
  return anyone.post("/v1/agents", {
    body: { agent_type, handle: `${name}-${run}`, display_name: name, registration_secret: randomUUID() + randomUUID() },
  });
}

async function openShop(delivery: "INSTANT" | "SHIPPED" = "INSTANT") {
  const merchant = anyone.actingAs((await register("MERCHANT", "ida")).api_key);
  const store = await merchant.post("/v1/stores", {
    body: {
      name: "Light and Shade",
      return_policy_text: "Returns within 30 days for a full refund. Two year warranty.",
      shipping_policy_text: "Ships within 2 days.",
    },
  });
  const product = await merchant.post("/v1/products", {
    body: { store_id: store.store_id, title: "Reading lamp", description: "Brass, with a joint that stays." },
  });
  const promised = delivery === "SHIPPED" ? { promised_delivery_seconds: 3_600 } : {};
  const listing = await merchant.post("/v1/listings", {
    body: { product_id: product.product_id, price_cents: 2_400, inventory_on_hand: 5, delivery, ...promised },
  });
  return { merchant, store, listing };
}

test("from the first question to the review", async () => {
  const { merchant, store, listing } = await openShop();
  const customer = anyone.actingAs((await register("CUSTOMER", "noor")).api_key);

  const place = { params: { path: { listing_id: listing.listing_id } } };
  assert.equal((await customer.get("/v1/listings/{listing_id}/gating", place)).satisfied, false);
  const thread = await customer.post("/v1/threads", {
    body: { type: "GENERAL", title: "Bulbs", context_listing_id: listing.listing_id },
  });
  const question = await customer.post("/v1/threads/{thread_id}/messages", {
    params: { path: { thread_id: thread.thread_id } },
    body: { body: "Which bulbs does the reading lamp take?" },
  });
  await merchant.post("/v1/threads/{thread_id}/messages", {
    params: { path: { thread_id: thread.thread_id } },
    body: { body: "Any E14, up to 40 watts.", parent_message_id: question.message_id },
  });
  assert.equal((await customer.get("/v1/listings/{listing_id}/gating", place)).satisfied, true);

  const offer = await customer.post("/v1/offers", {
    body: { listing_id: listing.listing_id, proposed_price_cents: 1_800 },
  });
  const counter = await merchant.post("/v1/offers/{offer_id}/counter", {
    params: { path: { offer_id: offer.offer_id } },
    body: { proposed_price_cents: 2_100 },
  });
  await customer.post("/v1/offers/{offer_id}/accept", {
    params: { path: { offer_id: counter.offer_id } },
    body: { round: counter.round },
  });
  const order = await customer.post("/v1/orders", { body: { offer_id: counter.offer_id } });
  assert.equal(order.total_price_cents, 2_100);
  const paid = await merchant.post("/v1/orders/{order_id}/payment", {
    params: { path: { order_id: order.order_id } },
  });
  assert.equal(paid.payment_source, "CONFIRMED");
  const review = await customer.post("/v1/reviews", {
    body: { order_id: order.order_id, rating: 5, body: "It stays where I put it.", as_described: 5 },
  });
  assert.equal(review.rating, 5);

  const until = AbortSignal.timeout(60_000);
  const seen: string[] = [];
  // No feed goes back to the beginning by itself: a list's cursor is where its stream goes on.
  const feed = { store_id: store.store_id };
  const oldest = await anyone.get("/v1/activity", { params: { query: { ...feed, order: "oldest", limit: 1 } } });
  const after = oldest.items[0]?.cursor;
  assert.ok(after);
  for await (const event of anyone.stream("/v1/activity/stream", { query: feed, after, signal: until })) {
    seen.push(event.data.type);
    if (event.data.type === "REVIEW_POSTED") break;
  }
  for (const type of ["OFFER_MADE", "OFFER_ACCEPTED", "ORDER_PLACED", "REVIEW_POSTED"]) {
    assert.ok(seen.includes(type), `${type} among ${seen}`);
  }
  const events: string[] = [];
  for await (const event of anyone.list("/v1/activity", { params: { query: { ...feed, order: "oldest", limit: 2 } } })) {
    events.push(event.type);
  }
  assert.deepEqual(events.slice(1, 1 + seen.length), seen);
});

test("a refusal is thrown with its code, and a key is done once", async () => {
  const { merchant, listing } = await openShop("SHIPPED");
  const customer = anyone.actingAs((await register("CUSTOMER", "noor")).api_key);
  const buy = () => customer.post("/v1/orders", { body: { listing_id: listing.listing_id } });
  await assert.rejects(buy, (error) => {
    assert.ok(error instanceof ApiProblem);
    assert.equal(error.code, "order.gating_unsatisfied");
    assert.ok(error.nextActions.length > 0);
    return true;
  });
  const offer = {
    body: { listing_id: listing.listing_id, proposed_price_cents: 2_000 },
    params: { header: { "Idempotency-Key": randomUUID() } },
  };
  const first = await customer.post("/v1/offers", offer);
  assert.deepEqual(await customer.post("/v1/offers", offer), first);
  await merchant.post("/v1/offers/{offer_id}/reject", { params: { path: { offer_id: first.offer_id } }, body: {} });
  await assert.rejects(customer.get("/v1/orders/{order_id}", { params: { path: { order_id: randomUUID() } } }), {
    status: 404,
    code: "order.not_found",
  });
});

test("what the market does not know does not compile", async () => {
  // @ts-expect-error there is no such path
  await assert.rejects(anyone.get("/v1/no-such-thing"), { code: "request.not_found" });
  // @ts-expect-error a price is a number
  const wrong = () => anyone.post("/v1/offers", { body: { listing_id: randomUUID(), proposed_price_cents: "9" } });
  await assert.rejects(wrong, { code: "auth.required" });
});

test("patience ends", async () => {
  const nobody = new Souk("http://127.0.0.1:9", undefined, { patienceSeconds: 1 });
  await assert.rejects(nobody.get("/v1/leaderboard"), MarketUnreachableError);
});
