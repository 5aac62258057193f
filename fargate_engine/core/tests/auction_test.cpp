#include "check.hpp"
#include "market.hpp"

using namespace test;

namespace {

struct Auction : Market {
  Auction() { send(of_symbol(Kind::kStartAuction)); }
  Event uncross() { return send(of_symbol(Kind::kUncross)), last_of(EventKind::kUncrossed); }
  Event last_of(EventKind kind) const {
    Event found{};
    for (const Event& event : events) {
      if (event.kind == kind) found = event;
    }
    return found;
  }
};

}  // namespace

TEST("orders rest in an auction without matching and the book may be crossed") {
  Auction m;
  CHECK(m.send(buy(1, 5, 105)).size() == 1 && m.send(sell(2, 5, 95)).size() == 1 && m.core.live_orders() == 2);
}

TEST("all trade at the one price at which most can trade") {
  Auction m;
  m.send(buy(1, 10, 105));
  m.send(buy(2, 10, 102));
  m.send(sell(3, 8, 98));
  m.send(sell(4, 8, 101));
  m.send(sell(5, 8, 104));
  const Event crossed = m.uncross();
  CHECK(crossed.price == 101 && crossed.quantity == 16);
  for (const Event& event : m.events) CHECK(event.kind == EventKind::kUncrossed || event.price == 101);
  CHECK(is_trade(m.events[0], 3, 1, 8, 101) && is_trade(m.events[1], 4, 1, 2, 101) && is_trade(m.events[2], 4, 2, 6, 101));
  CHECK(m.leaves(2) == 4 && m.leaves(5) == 8);
  CHECK(m.send(buy(9, 1, 104)).size() == 2);  // Continuous again.
}

TEST("of prices with the same volume the one with the least imbalance is taken") {
  Auction m;
  m.send(buy(1, 10, 105));
  m.send(buy(2, 5, 103));
  m.send(sell(3, 10, 100));
  CHECK(m.uncross().price == 105);
}

TEST("then the one nearest to the reference and then the lowest") {
  Auction near;
  near.send(mark(104));
  near.send(buy(1, 10, 105));
  near.send(sell(2, 10, 100));
  CHECK(near.uncross().price == 105);
  Auction lowest;
  lowest.send(buy(1, 10, 105));
  lowest.send(sell(2, 10, 100));
  CHECK(lowest.uncross().price == 100);
}

TEST("an auction in which nothing can trade ends without a price") {
  Auction m;
  m.send(buy(1, 10, 95));
  m.send(sell(2, 10, 100));
  const Event crossed = m.uncross();
  CHECK(m.events.size() == 1 && crossed.price == 0 && crossed.quantity == 0);
}

TEST("self-trade prevention in an auction goes by the younger order, and what is still crossed meets at the older one's price") {
  Auction m;
  m.send(with(buy(1, 10, 105)).account(9));
  m.send(buy(2, 4, 101));
  m.send(with(sell(3, 10, 100)).account(9).mode(SelfTrade::kCancelOldest));
  CHECK(m.uncross().price == 101);
  CHECK(is_end(m.events[0], 1, Reason::kSelfTrade, 10) && m.leaves(3) == 6 && !m.live(2));
}

TEST("an order never trades beyond its bound in an auction") {
  Market m;
  m.send(with(buy(1, 5, 100)).bound(98));
  m.send(of_symbol(Kind::kStartAuction));
  m.send(sell(2, 5, 90));
  m.send(sell(3, 5, 80));
  m.send(buy(4, 10, 91));
  m.send(of_symbol(Kind::kUncross));
  CHECK(is_end(m.events[0], 1, Reason::kPriceBand, 5));
}

TEST("icebergs of both sides show their parts in turn in an auction") {
  Auction m;
  m.send(with(buy(1, 20, 100)).display(5));
  m.send(buy(2, 5, 100));
  m.send(with(sell(3, 30, 100)).display(10));
  const Event crossed = m.uncross();
  CHECK(crossed.quantity == 25 && is_trade(m.events[0], 3, 1, 5, 100) && is_trade(m.events[1], 3, 2, 5, 100));
  CHECK(m.leaves(3) == 5);
}

TEST("reduce-only orders of both sides trade no more than their positions in an auction") {
  Market m;
  m.send(account(8));
  m.send(account(9));
  m.send(holding(8, -3));
  m.send(holding(9, 4));
  m.send(of_symbol(Kind::kStartAuction));
  m.send(with(buy(1, 10, 100)).account(8).flag(kReduceOnly));
  m.send(with(sell(2, 10, 100)).account(9).flag(kReduceOnly));
  m.send(of_symbol(Kind::kUncross));
  CHECK(is_trade(m.events[0], 2, 1, 3, 100) && is_end(m.events[1], 1, Reason::kReduceOnly, 7));
  CHECK(m.leaves(2) == 7 && m.core.position(9, kApple) == 1 && m.core.position(8, kApple) == 0);
}

TEST("a command that does not fit the state is refused") {
  Market m;
  CHECK(m.refusal(of_symbol(Kind::kResume)) == Reason::kInvalidTerms);
  CHECK(m.refusal(of_symbol(Kind::kUncross)) == Reason::kInvalidTerms);
}

TEST("a halted auction whose book is crossed does not resume") {
  Auction m;
  m.send(buy(1, 5, 105));
  m.send(sell(2, 5, 95));
  m.send(of_symbol(Kind::kHalt));
  CHECK(m.refusal(of_symbol(Kind::kResume)) == Reason::kInvalidTerms);
  m.send(cancel(1));
  CHECK(m.one(of_symbol(Kind::kResume)).kind == EventKind::kResumed);
}
