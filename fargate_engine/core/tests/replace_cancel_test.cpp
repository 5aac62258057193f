#include "check.hpp"
#include "market.hpp"

using namespace test;

TEST("a cancel ends an order with what was left of it") {
  Market m;
  m.send(buy(1, 5, 100));
  m.send(sell(2, 2, 100));
  CHECK(is_end(m.one(cancel(1)), 1, Reason::kNone, 3));
  const Event again = m.one(cancel(1));
  CHECK(again.kind == EventKind::kCancelRejected && again.reason == Reason::kUnknownOrder && again.symbol == 0);
}

TEST("cancels from the front, the middle and the end of a level leave the others in order") {
  Market m;
  for (std::uint64_t id = 1; id <= 5; ++id) m.send(sell(id, 1, 100));
  m.send(cancel(3));
  m.send(cancel(1));
  m.send(cancel(5));
  const auto& events = m.send(buy(9, 2, 100));
  CHECK(is_trade(events[1], 9, 2, 1, 100) && is_trade(events[2], 9, 4, 1, 100) && m.core.live_orders() == 0);
}

TEST("a replace to a smaller quantity keeps its place") {
  Market m;
  m.send(sell(1, 9, 100));
  m.send(sell(2, 5, 100));
  m.send(buy(3, 2, 100));
  const Event replaced = m.one(replace(1, 6, 100));
  CHECK(replaced.kind == EventKind::kReplaced && replaced.quantity == 6 && replaced.leaves == 4);
  CHECK(is_trade(m.send(buy(4, 5, 100))[1], 4, 1, 4, 100));
}

TEST("a replace to a larger quantity or another price loses its place") {
  Market m;
  m.send(sell(1, 5, 100));
  m.send(sell(2, 5, 100));
  m.send(replace(1, 6, 100));
  CHECK(is_trade(m.send(buy(3, 5, 100))[1], 3, 2, 5, 100));
  m.send(sell(4, 5, 101));
  m.send(replace(1, 6, 101));
  CHECK(is_trade(m.send(buy(5, 5, 101))[1], 5, 4, 5, 101));
}

TEST("a replaced order is matched as if it came in") {
  Market m;
  m.send(sell(1, 5, 100));
  m.send(buy(2, 8, 99));
  const auto& events = m.send(replace(2, 8, 100));
  CHECK(events[0].kind == EventKind::kReplaced && is_trade(events[1], 2, 1, 5, 100) && m.leaves(2) == 3);
}

TEST("a replace is refused and the order stays as it was") {
  Market m;
  m.send(buy(1, 8, 100));
  m.send(sell(2, 3, 100));
  const std::uint64_t entries = m.core.live_orders();
  CHECK(m.refusal(replace(7, 1, 100)) == Reason::kUnknownOrder);
  CHECK(m.refusal(replace(1, 3, 100)) == Reason::kTooLate);
  CHECK(m.refusal(replace(1, -3, 100)) == Reason::kTooLate);
  CHECK(m.refusal(replace(1, kQuantityMax + 1, 100)) == Reason::kInvalidQuantity);
  CHECK(m.refusal(replace(1, 8, -1)) == Reason::kInvalidPrice);
  CHECK(m.leaves(1) == 5 && m.core.live_orders() == entries);
}

TEST("a post-only order is not replaced to a price at which it would trade") {
  Market m;
  m.send(sell(1, 5, 100));
  m.send(with(buy(2, 5, 98)).flag(kPostOnly));
  CHECK(m.refusal(replace(2, 5, 100)) == Reason::kPostOnlyWouldTake);
  CHECK(m.one(replace(2, 5, 99)).kind == EventKind::kReplaced);
}

TEST("an iceberg replaced in its place shows at most what is left") {
  Market m;
  m.send(with(sell(1, 50, 100)).display(10));
  m.send(replace(1, 4, 100));
  CHECK(m.core.depth(kApple, Side::kSell, 1)[0].quantity == 4);
}

TEST("a halted symbol lets an order only get smaller") {
  Market m;
  m.send(buy(1, 5, 100));
  m.send(of_symbol(Kind::kHalt));
  CHECK(m.refusal(replace(1, 6, 100)) == Reason::kHalted);
  CHECK(m.one(replace(1, 4, 100)).kind == EventKind::kReplaced);
  CHECK(m.one(cancel(1)).kind == EventKind::kCanceled);
}

TEST("an auction lets an order only get smaller") {
  Market m;
  m.send(of_symbol(Kind::kStartAuction));
  m.send(buy(1, 5, 100));
  CHECK(m.refusal(replace(1, 5, 101)) == Reason::kNotInAuction);
  CHECK(m.one(replace(1, 4, 100)).kind == EventKind::kReplaced);
}

TEST("a replaced order counts with its new quantity against the position limit") {
  Market m;
  m.send(account(9));
  m.send(holding(9, 0, 10));
  m.send(with(buy(1, 10, 100)).account(9));
  m.send(replace(1, 4, 100));
  CHECK(m.one(with(buy(2, 6, 100)).account(9)).kind == EventKind::kAccepted);
}

TEST("a replaced order takes another bound with another price, where it has one") {
  Market m;
  m.send(with(sell(1, 5, 100)).bound(105));
  CHECK(m.refusal(replace(1, 5, 106)) == Reason::kInvalidPrice);
  CHECK(m.one(with(replace(1, 5, 106)).bound(110)).kind == EventKind::kReplaced);
  m.send(buy(2, 1, 108));  // Nothing is sold above 106, where it stands.
  CHECK(is_trade(m.events[1], 2, 1, 1, 106));
  m.send(sell(3, 5, 120));
  CHECK(m.one(with(replace(3, 5, 121)).bound(100)).kind == EventKind::kReplaced);
}

TEST("a dormant order gets another stop price") {
  Market m;
  m.send(with(buy(1, 5, 0)).type(Type::kStop).stop(120));
  m.send(with(replace(1, 5, 0)).stop(110));
  m.send(sell(2, 5, 112));
  CHECK(m.send(mark(115)).size() == 1);
  m.send(buy(3, 1, 112));
  CHECK(m.events.size() == 5 && m.events[2].kind == EventKind::kTriggered && is_trade(m.events[3], 1, 2, 4, 112));
}

TEST("a mass cancel takes what fits in order of entry") {
  Market m;
  m.send(with(buy(1, 5, 100)).account(1).session(1));
  m.send(with(sell(2, 5, 110)).account(1).session(2));
  m.send(with(buy(3, 5, 100)).account(2).session(1).symbol(kPear));
  m.send(with(buy(4, 5, 0)).account(1).session(1).type(Type::kStop).stop(150));
  m.send(replace(1, 6, 100));
  const auto& of_account = m.send(with(command(Kind::kMassCancel)).account(1).session(1));
  CHECK(of_account.size() == 2 && is_end(of_account[0], 4, Reason::kMassCancel, 5));
  CHECK(is_end(of_account[1], 1, Reason::kMassCancel, 6));
  CHECK(m.send(of_symbol(Kind::kMassCancel, kPear)).size() == 1);
  CHECK(m.send(command(Kind::kMassCancel)).size() == 1 && m.core.live_orders() == 0);
  CHECK(m.send(command(Kind::kMassCancel)).empty());
}

TEST("a replace to the least of all numbers is too late, and nothing else") {
  Market m;
  m.send(buy(1, 10, 100));
  m.send(sell(2, 4, 100));
  CHECK(m.refusal(replace(1, INT64_MIN, 100)) == Reason::kTooLate);
  CHECK(m.leaves(1) == 6);
}
