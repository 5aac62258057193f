#include "check.hpp"
#include "market.hpp"

using namespace test;

namespace {

constexpr std::uint32_t kMe = 9;

Command mine(const Command& base, SelfTrade mode) { return with(base).account(kMe).mode(mode); }

}  // namespace

TEST("with newest the rest of the incoming order ends at its own maker") {
  Market m;
  m.send(sell(1, 3, 99));
  m.send(with(sell(2, 5, 100)).account(kMe));
  const auto& events = m.send(mine(buy(3, 10, 100), SelfTrade::kCancelNewest));
  CHECK(is_trade(events[1], 3, 1, 3, 99) && is_end(events[2], 3, Reason::kSelfTrade, 7) && m.leaves(2) == 5);
}

TEST("with oldest its own makers go and it trades on") {
  Market m;
  m.send(with(sell(1, 5, 100)).account(kMe));
  m.send(sell(2, 5, 100));
  const auto& events = m.send(mine(buy(3, 5, 100), SelfTrade::kCancelOldest));
  CHECK(is_end(events[1], 1, Reason::kSelfTrade, 5) && is_trade(events[2], 3, 2, 5, 100));
}

TEST("with both the maker ends and then the incoming order") {
  Market m;
  m.send(with(sell(1, 5, 100)).account(kMe));
  const auto& events = m.send(mine(buy(2, 8, 100), SelfTrade::kCancelBoth));
  CHECK(is_end(events[1], 1, Reason::kSelfTrade, 5) && is_end(events[2], 2, Reason::kSelfTrade, 8));
  CHECK(m.core.live_orders() == 0);
}

TEST("with decrement both lose the smaller without a trade") {
  Market m;
  m.send(with(sell(1, 5, 100)).account(kMe));
  const auto& events = m.send(mine(buy(2, 8, 100), SelfTrade::kDecrement));
  CHECK(is_end(events[1], 1, Reason::kSelfTrade, 5));
  CHECK(events[2].kind == EventKind::kReduced && events[2].quantity == 5 && events[2].leaves == 3);
  CHECK(m.leaves(2) == 3);
}

TEST("with decrement an incoming order that comes to nothing ends once") {
  Market m;
  m.send(with(sell(1, 8, 100)).account(kMe));
  const auto& events = m.send(mine(buy(2, 5, 100), SelfTrade::kDecrement));
  CHECK(events.size() == 3 && events[1].kind == EventKind::kReduced && events[1].leaves == 3);
  CHECK(is_end(events[2], 2, Reason::kSelfTrade, 5) && m.leaves(1) == 3 && !m.live(2));
}

TEST("a decremented iceberg shows at most what is left") {
  Market m;
  m.send(with(sell(1, 20, 100)).account(kMe).display(10));
  m.send(mine(buy(2, 15, 100), SelfTrade::kDecrement));
  CHECK(m.core.depth(kApple, Side::kSell, 1)[0].quantity == 5);
}

TEST("with allow an account trades with itself") {
  Market m;
  m.send(with(sell(1, 5, 100)).account(kMe));
  CHECK(is_trade(m.send(mine(buy(2, 5, 100), SelfTrade::kAllow))[1], 2, 1, 5, 100));
}

TEST("account 0 is nobody and has no order of its own") {
  Market m;
  m.send(sell(1, 5, 100));
  CHECK(is_trade(m.send(with(buy(2, 5, 100)).mode(SelfTrade::kCancelNewest))[1], 2, 1, 5, 100));
}

TEST("accounts of one firm are one owner only for an order that asks for it") {
  Market m;
  AccountTerms firm{};
  firm.firm = 4;
  m.send(account(1, firm));
  m.send(account(2, firm));
  m.send(with(sell(1, 5, 100)).account(1));
  const Command take = with(buy(2, 2, 100)).account(2).mode(SelfTrade::kCancelNewest);
  CHECK(is_trade(m.send(take)[1], 2, 1, 2, 100));
  CHECK(is_end(m.send(with(take).flag(kFirmSelfTrade))[1], 2, Reason::kSelfTrade, 2));
}

TEST("accounts without a firm are not of one firm") {
  Market m;
  m.send(account(1));
  m.send(account(2));
  m.send(with(sell(1, 5, 100)).account(1));
  const Command take = with(buy(2, 2, 100)).account(2).mode(SelfTrade::kCancelNewest).flag(kFirmSelfTrade);
  CHECK(is_trade(m.send(take)[1], 2, 1, 2, 100));
}

TEST("reduce-only trades no more than brings the position to zero") {
  Market m;
  m.send(account(kMe));
  m.send(holding(kMe, 6));
  m.send(buy(1, 20, 100));
  const auto& events = m.send(with(sell(2, 10, 100)).account(kMe).flag(kReduceOnly));
  CHECK(is_trade(events[1], 2, 1, 6, 100) && is_end(events[2], 2, Reason::kReduceOnly, 4));
  CHECK(m.core.position(kMe, kApple) == 0);
}

TEST("a reduce-only maker with nothing left to reduce is cancelled and the next one trades") {
  Market m;
  m.send(account(kMe));
  m.send(holding(kMe, 6));
  m.send(with(sell(1, 6, 100)).account(kMe).flag(kReduceOnly));
  m.send(sell(2, 5, 100));
  m.send(holding(kMe, 0));
  const auto& events = m.send(buy(3, 5, 100));
  CHECK(is_end(events[1], 1, Reason::kReduceOnly, 6) && is_trade(events[2], 3, 2, 5, 100));
}

TEST("a reduce-only maker that traded all that it could ends at once") {
  Market m;
  m.send(account(kMe));
  m.send(holding(kMe, 6));
  m.send(with(sell(1, 10, 100)).account(kMe).flag(kReduceOnly));
  const auto& events = m.send(buy(2, 8, 100));
  CHECK(is_trade(events[1], 2, 1, 6, 100) && is_end(events[2], 1, Reason::kReduceOnly, 4) && m.leaves(2) == 2);
}

TEST("two orders of one account of which one is reduce-only come to an end") {
  Market m;
  m.send(account(kMe));
  m.send(holding(kMe, 1));
  m.send(with(sell(1, kQuantityMax, 100)).account(kMe).flag(kReduceOnly));
  const auto& events = m.send(with(buy(2, kQuantityMax, 100)).account(kMe));
  CHECK(events.size() == 3 && is_trade(events[1], 2, 1, 1, 100) && m.core.position(kMe, kApple) == 1);
}
