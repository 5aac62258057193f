// A core with two listed symbols, and commands with the defaults that most tests want.
#pragma once
#include <cstdint>
#include <vector>

#include "book/core.hpp"

namespace test {

using namespace book;

inline constexpr std::uint32_t kApple = 1, kPear = 2;

inline Command command(Kind kind) {
  Command made{};
  made.kind = kind;
  return made;
}

inline Command order(std::uint64_t id, Side side, std::int64_t quantity, std::int64_t price) {
  Command made = command(Kind::kSubmit);
  made.order_id = id;
  made.side = side;
  made.quantity = quantity;
  made.price = price;
  made.symbol = kApple;
  made.type = Type::kLimit;
  made.time_in_force = TimeInForce::kGtc;
  return made;
}
inline Command buy(std::uint64_t id, std::int64_t quantity, std::int64_t price) {
  return order(id, Side::kBuy, quantity, price);
}
inline Command sell(std::uint64_t id, std::int64_t quantity, std::int64_t price) {
  return order(id, Side::kSell, quantity, price);
}

// Changes of an order, to be chained: with(buy(1, 10, 100)).account(7).ioc()
struct With : Command {
  explicit With(const Command& base) : Command(base) {}
  With& account(std::uint32_t value) { return Command::account = value, *this; }
  With& session(std::uint32_t value) { return Command::session = value, *this; }
  With& symbol(std::uint32_t value) { return Command::symbol = value, *this; }
  With& at(std::int64_t value) { return at_ns = value, *this; }
  With& type(Type value) { return Command::type = value, *this; }
  With& in_force(TimeInForce value) { return time_in_force = value, *this; }
  With& flag(std::uint8_t value) { return flags = static_cast<std::uint8_t>(flags | value), *this; }
  With& mode(SelfTrade value) { return self_trade = value, *this; }
  With& by(Trigger value) { return trigger = value, *this; }
  With& venue(std::uint8_t value) { return Command::venue = value, *this; }
  With& stop(std::int64_t value) { return flag(kExtended), Command::order.stop_price = value, *this; }
  With& display(std::int64_t value) { return flag(kExtended), Command::order.display_quantity = value, *this; }
  With& at_least(std::int64_t value) { return flag(kExtended), Command::order.min_quantity = value, *this; }
  With& bound(std::int64_t value) { return flag(kExtended), Command::order.price_bound = value, *this; }
  With& until(std::int64_t value) {
    return flag(kExtended), time_in_force = TimeInForce::kGtd, Command::order.expire_at_ns = value, *this;
  }
};
inline With with(const Command& base) { return With(base); }
inline With ioc(const Command& base) { return With(base).in_force(TimeInForce::kIoc); }
inline With fok(const Command& base) { return With(base).in_force(TimeInForce::kFok); }
inline With market(const Command& base) { return ioc(base).type(Type::kMarket); }

inline Command cancel(std::uint64_t id) {
  Command made = command(Kind::kCancel);
  made.order_id = id;
  return made;
}
inline Command replace(std::uint64_t id, std::int64_t quantity, std::int64_t price) {
  Command made = command(Kind::kReplace);
  made.order_id = id;
  made.quantity = quantity;
  made.price = price;
  return made;
}
inline Command of_symbol(Kind kind, std::uint32_t symbol = kApple) {
  Command made = command(kind);
  made.symbol = symbol;
  return made;
}
inline Command instrument(std::uint32_t symbol, const InstrumentTerms& terms) {
  Command made = of_symbol(Kind::kListInstrument, symbol);
  made.instrument = terms;
  return made;
}
inline InstrumentTerms plain_terms() { return {1, 1, 0, 0, 0, 0, 0, 0}; }
inline Command account(std::uint32_t number, const AccountTerms& terms = {}) {
  Command made = command(Kind::kSetAccount);
  made.account = number;
  made.account_terms = terms;
  return made;
}
inline Command holding(std::uint32_t number, std::int64_t position, std::int64_t position_max = 0) {
  Command made = of_symbol(Kind::kSetHolding);
  made.account = number;
  made.holding.position = position;
  made.holding.position_max = position_max;
  return made;
}
inline Command lease(std::uint32_t number, const LeaseTerms& terms) {
  Command made = of_symbol(Kind::kSetLease);
  made.account = number;
  made.lease = terms;
  return made;
}
inline Command mark(std::int64_t price) {
  Command made = of_symbol(Kind::kSetMark);
  made.price = price;
  return made;
}

class Market {
 public:
  explicit Market(Capacity capacity = {256, 1 << 16}) : core(capacity) {
    send(instrument(kApple, plain_terms()));
    send(instrument(kPear, plain_terms()));
  }

  // The events of this command alone.
  const std::vector<Event>& send(const Command& sent) {
    buffer.clear();
    core.apply(&sent, 1, buffer);
    events.assign(buffer.begin(), buffer.end());
    return events;
  }
  // Of a command that must have exactly one.
  Event one(const Command& sent) {
    send(sent);
    if (events.size() != 1) throw std::runtime_error(std::to_string(events.size()) + " events instead of one");
    return events.front();
  }
  Reason refusal(const Command& sent) {
    const Event event = one(sent);
    if (event.kind != EventKind::kRejected && event.kind != EventKind::kReplaceRejected &&
        event.kind != EventKind::kCancelRejected) {
      throw std::runtime_error("not refused");
    }
    return event.reason;
  }
  bool live(std::uint64_t id) const {
    LiveOrder found;
    return core.find(id, found);
  }
  std::int64_t leaves(std::uint64_t id) const {
    LiveOrder found{};
    return core.find(id, found) ? found.leaves : 0;
  }

  Core core;
  EventBuffer buffer;
  std::vector<Event> events;
};

inline bool is_trade(const Event& event, std::uint64_t taker, std::uint64_t maker, std::int64_t quantity,
                     std::int64_t price) {
  return event.kind == EventKind::kTraded && event.order_id == taker && event.maker_id == maker &&
         event.quantity == quantity && event.price == price;
}
inline bool is_end(const Event& event, std::uint64_t id, Reason reason, std::int64_t quantity) {
  return event.kind == EventKind::kCanceled && event.order_id == id && event.reason == reason &&
         event.quantity == quantity;
}

}  // namespace test
