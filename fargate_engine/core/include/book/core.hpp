// The matching core: all the books of a shard as one state machine, commands in and events out. docs/matching.md has the rules.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

#include "book/event_buffer.hpp"
#include "book/messages.hpp"

namespace book {

struct Capacity {
  std::uint32_t orders = 1u << 16;      // Ids and plain lines of so many are ready at once; other memory grows.
  std::uint32_t orders_max = 1u << 22;  // A submit beyond is refused with kCoreFull.
};

// The bytes are no snapshot of this version: truncated, damaged or inconsistent.
class BadSnapshot : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct LevelView {
  std::int64_t price;
  std::int64_t quantity;  // What is shown of it.
  std::uint32_t orders;
};

struct LiveOrder {
  std::uint64_t order_id;
  std::int64_t price;
  std::int64_t quantity;  // The whole: traded and left.
  std::int64_t leaves;
  std::int64_t stop_price;  // The distance for a trailing stop.
  std::uint32_t symbol;
  std::uint32_t account;
  std::uint32_t session;
  Side side;
  Type type;
  TimeInForce time_in_force;
  std::uint8_t venue;
  bool resting;  // In the book; else dormant, or at its venue.
};

// A sum of prices times quantities, which 64 bits do not hold: high * 2^64 + low.
struct Notional {
  std::uint64_t high;
  std::uint64_t low;
};

// What an account may do in a symbol by leased orders, and what of it they have used. Buys and sells in lots.
struct LeaseState {
  std::int64_t version;
  std::int64_t buy_granted;  // Of all leased orders there ever were, filled or open;
  std::int64_t sell_granted;
  std::int64_t price_high;
  std::int64_t orders_max;
  std::int64_t expires_at_ns;
  std::int64_t buy_filled;  // so are these.
  std::int64_t sell_filled;
  Notional buy_notional;  // Of what was filled.
  Notional sell_notional;
  std::int64_t buy_open;  // The leaves of the live ones.
  std::int64_t sell_open;
  std::int64_t live_orders;
};

class CoreState;

// One thread at a time. A moved-from core may only be destroyed or assigned to.
class Core {
 public:
  explicit Core(Capacity capacity = {});
  Core(Core&&) noexcept;
  Core& operator=(Core&&) noexcept;
  ~Core();

  // Applies the commands in order and appends their events; Event::command is the index in this batch.
  void apply(const Command* commands, std::size_t count, EventBuffer& events);

  std::uint64_t state_hash() const;
  std::vector<std::uint8_t> snapshot() const;
  // Throws BadSnapshot. The capacity is the new core's own; more live orders than `orders_max` are a BadSnapshot, too.
  static Core restore(const std::uint8_t* bytes, std::size_t size, Capacity capacity = {});

  // Best first. Throws std::out_of_range for a symbol that is not listed.
  std::vector<LevelView> depth(std::uint32_t symbol, Side side, std::size_t levels_max) const;
  bool find(std::uint64_t order_id, LiveOrder& found) const;
  std::int64_t position(std::uint32_t account, std::uint32_t symbol) const;
  bool lease(std::uint32_t account, std::uint32_t symbol, LeaseState& found) const;
  std::uint64_t next_event_seq() const;
  std::size_t live_orders() const;
  std::int64_t now() const;
  std::size_t memory_bytes() const;  // What it holds allocated.

 private:
  explicit Core(std::unique_ptr<CoreState> state);
  std::unique_ptr<CoreState> state_;
};

}  // namespace book
