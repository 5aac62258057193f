#include "check.hpp"
#include "market.hpp"

using namespace test;

TEST("a resting order trades at its own price with the oldest of the best level first") {
  Market m;
  m.send(sell(1, 5, 101));
  m.send(sell(2, 5, 100));
  m.send(sell(3, 5, 100));
  const auto& events = m.send(buy(4, 12, 101));
  CHECK(events.size() == 4 && events[0].kind == EventKind::kAccepted && events[0].leaves == 12);
  CHECK(is_trade(events[1], 4, 2, 5, 100) && events[1].leaves == 7 && events[1].maker_leaves == 0);
  CHECK(is_trade(events[2], 4, 3, 5, 100));
  CHECK(is_trade(events[3], 4, 1, 2, 101) && events[3].leaves == 0 && events[3].maker_leaves == 3);
  CHECK(m.leaves(1) == 3 && !m.live(4) && m.core.live_orders() == 1);
}

TEST("every event counts one and a trade two") {
  Market m;
  const Event resting = m.one(sell(1, 5, 100));
  const auto& events = m.send(buy(2, 5, 100));
  CHECK(events[0].seq == resting.seq + 1 && events[1].seq == resting.seq + 2);
  CHECK(m.core.next_event_seq() == resting.seq + 4);
}

TEST("what is left of a limit order rests at its price behind those that are there") {
  Market m;
  m.send(buy(1, 5, 100));
  m.send(sell(2, 3, 101));
  m.send(buy(3, 7, 101));
  CHECK(m.leaves(3) == 4);
  m.send(buy(4, 5, 100));
  const auto& events = m.send(sell(5, 10, 100));
  CHECK(is_trade(events[1], 5, 3, 4, 101) && is_trade(events[2], 5, 1, 5, 100) && is_trade(events[3], 5, 4, 1, 100));
}

TEST("depth gives the levels from the best on with what they show") {
  Market m;
  m.send(buy(1, 5, 100));
  m.send(buy(2, 6, 100));
  m.send(with(buy(3, 70, 99)).display(7));
  m.send(buy(4, 1, 98));
  const auto levels = m.core.depth(kApple, Side::kBuy, 2);
  CHECK(levels.size() == 2 && levels[0].price == 100 && levels[0].quantity == 11 && levels[0].orders == 2);
  CHECK(levels[1].price == 99 && levels[1].quantity == 7 && levels[1].orders == 1);
  CHECK(m.core.depth(kApple, Side::kSell, 2).empty());
}

TEST("an unlisted symbol has no depth") {
  Market m;
  bool thrown = false;
  try {
    m.core.depth(77, Side::kBuy, 1);
  } catch (const std::out_of_range&) {
    thrown = true;
  }
  CHECK(thrown);
}

TEST("the rest of an immediate-or-cancel order ends with no liquidity") {
  Market m;
  m.send(sell(1, 5, 100));
  m.send(sell(2, 5, 102));
  const auto& events = m.send(ioc(buy(3, 9, 101)));
  CHECK(events.size() == 3 && is_trade(events[1], 3, 1, 5, 100) && is_end(events[2], 3, Reason::kNoLiquidity, 4));
}

TEST("a market order without a protection price trades at any price") {
  Market m;
  m.send(buy(1, 5, 3));
  const auto& events = m.send(market(sell(2, 9, 0)));
  CHECK(is_trade(events[1], 2, 1, 5, 3) && is_end(events[2], 2, Reason::kNoLiquidity, 4));
}

TEST("a market order ends with the price band where a level lies beyond its protection price") {
  Market m;
  m.send(sell(1, 5, 100));
  m.send(sell(2, 5, 103));
  const auto& events = m.send(market(buy(3, 9, 102)));
  CHECK(is_trade(events[1], 3, 1, 5, 100) && is_end(events[2], 3, Reason::kPriceBand, 4));
}

TEST("a buy never trades below its bound and does not rest either") {
  Market m;
  m.send(sell(1, 5, 90));
  const auto& events = m.send(with(buy(2, 5, 100)).bound(95));
  CHECK(events.size() == 2 && is_end(events[1], 2, Reason::kPriceBand, 5) && m.leaves(1) == 5);
}

TEST("a sell never trades above its bound") {
  Market m;
  m.send(buy(1, 5, 110));
  const auto& events = m.send(with(sell(2, 5, 100)).bound(105));
  CHECK(is_end(events[1], 2, Reason::kPriceBand, 5));
}

TEST("fill or kill trades all or nothing") {
  Market m;
  m.send(sell(1, 5, 100));
  m.send(sell(2, 5, 101));
  CHECK(is_end(m.send(fok(buy(3, 11, 101)))[1], 3, Reason::kFokNotFillable, 11));
  CHECK(m.leaves(1) == 5 && m.leaves(2) == 5);
  CHECK(m.send(fok(buy(4, 10, 101))).size() == 3 && m.core.live_orders() == 0);
}

TEST("fill or kill counts an iceberg with all of its leaves") {
  Market m;
  m.send(with(sell(1, 50, 100)).display(5));
  CHECK(m.send(fok(buy(2, 50, 100))).size() == 11);
}

TEST("fill or kill sees its own order between the parts of an iceberg") {
  Market m;
  m.send(with(sell(1, 50, 100)).display(5));
  m.send(with(sell(2, 5, 100)).account(9));
  const Command takes_six = with(fok(buy(3, 6, 100))).account(9).mode(SelfTrade::kCancelNewest);
  CHECK(is_end(m.send(takes_six)[1], 3, Reason::kSelfTrade, 6));
  const Command takes_five = with(fok(buy(4, 5, 100))).account(9).mode(SelfTrade::kCancelNewest);
  CHECK(is_trade(m.send(takes_five)[1], 4, 1, 5, 100));
}

TEST("fill or kill with decrement does not count what it would lose without a trade") {
  Market m;
  m.send(with(sell(1, 4, 100)).account(9));
  m.send(sell(2, 20, 100));
  const Command take = with(fok(buy(3, 10, 100))).account(9).mode(SelfTrade::kDecrement);
  CHECK(is_end(m.send(take)[1], 3, Reason::kFokNotFillable, 10));
  CHECK(m.leaves(1) == 4);
}

TEST("a market fill or kill that would end at its protection price says so") {
  Market m;
  m.send(sell(1, 5, 100));
  m.send(sell(2, 5, 103));
  CHECK(is_end(m.send(fok(with(buy(3, 9, 102)).type(Type::kMarket)))[1], 3, Reason::kPriceBand, 9));
}

TEST("an order with a minimum quantity trades it at once or ends") {
  Market m;
  m.send(sell(1, 5, 100));
  CHECK(is_end(m.send(with(buy(2, 10, 100)).at_least(6))[1], 2, Reason::kMinQuantity, 10));
  CHECK(m.send(with(buy(3, 10, 100)).at_least(5)).size() == 2 && m.leaves(3) == 5);
}

TEST("an iceberg shows its parts one by one and goes to the end of its level with each") {
  Market m;
  m.send(with(sell(1, 25, 100)).display(10));
  m.send(sell(2, 10, 100));
  const auto& events = m.send(buy(3, 25, 100));
  CHECK(is_trade(events[1], 3, 1, 10, 100) && events[1].maker_leaves == 15);
  CHECK(is_trade(events[2], 3, 2, 10, 100) && is_trade(events[3], 3, 1, 5, 100));
  CHECK(m.core.depth(kApple, Side::kSell, 1)[0].quantity == 5);
  m.send(buy(4, 5, 100));
  CHECK(m.core.depth(kApple, Side::kSell, 1)[0].quantity == 5 && m.leaves(1) == 5);
}

TEST("an iceberg that came to rest shows a part of what was left") {
  Market m;
  m.send(sell(1, 12, 100));
  m.send(with(buy(2, 18, 100)).display(10));
  CHECK(m.core.depth(kApple, Side::kBuy, 1)[0].quantity == 6);
}

TEST("a post-only order is refused where it would trade") {
  Market m;
  m.send(sell(1, 5, 100));
  CHECK(m.refusal(with(buy(2, 5, 100)).flag(kPostOnly)) == Reason::kPostOnlyWouldTake);
  CHECK(m.one(with(buy(3, 5, 99)).flag(kPostOnly)).kind == EventKind::kAccepted);
}

TEST("symbols have books of their own") {
  Market m;
  m.send(sell(1, 5, 100));
  CHECK(m.send(with(buy(2, 5, 100)).symbol(kPear)).size() == 1 && m.core.live_orders() == 2);
}

TEST("an order that is due expires before the command that brings the time") {
  Market m;
  m.send(with(sell(1, 5, 100)).until(50));
  m.send(with(sell(2, 5, 100)).until(40));
  m.send(with(sell(3, 5, 100)).until(50));
  m.send(with(sell(4, 5, 100)).until(51));
  const auto& events = m.send(with(buy(9, 5, 100)).at(50));
  CHECK(events.size() == 5 && events[0].kind == EventKind::kExpired && events[0].order_id == 2);
  CHECK(events[0].quantity == 5 && events[1].order_id == 1 && events[2].order_id == 3);
  CHECK(is_trade(events[4], 9, 4, 5, 100));
}

TEST("time never runs backwards") {
  Market m;
  m.send(with(command(Kind::kAdvanceTime)).at(100));
  m.send(with(command(Kind::kAdvanceTime)).at(50));
  CHECK(m.core.now() == 100);
  CHECK(m.refusal(with(buy(1, 5, 100)).until(99)) == Reason::kInvalidTerms);
}

TEST("an order that left no longer expires") {
  Market m;
  m.send(with(sell(1, 5, 100)).until(50));
  m.send(cancel(1));
  CHECK(m.send(with(command(Kind::kAdvanceTime)).at(60)).empty());
}

TEST("an id can be used again when its order is final") {
  Market m;
  m.send(sell(1, 5, 100));
  CHECK(m.refusal(sell(1, 5, 100)) == Reason::kDuplicateOrderId);
  m.send(cancel(1));
  CHECK(m.one(sell(1, 5, 100)).kind == EventKind::kAccepted);
}

TEST("each event carries the index of its command in the batch") {
  Market m;
  const std::vector<Command> batch{sell(1, 5, 100), buy(2, 2, 100), cancel(1)};
  m.buffer.clear();
  m.core.apply(batch.data(), batch.size(), m.buffer);
  CHECK(m.buffer.size() == 4 && m.buffer[0].command == 0 && m.buffer[2].command == 1 && m.buffer[3].command == 2);
}

TEST("a look ahead keeps in mind how many icebergs there are, not how many parts") {
  Market m;
  for (std::uint64_t id = 1; id <= 100; ++id) m.send(with(sell(id, 100, 100)).display(1));
  const std::size_t before = m.core.memory_bytes();
  CHECK(is_end(m.send(fok(buy(101, 10'001, 100))).back(), 101, Reason::kFokNotFillable, 10'001));
  CHECK(m.core.memory_bytes() - before < 8'000);
}
