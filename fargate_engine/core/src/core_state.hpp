// The whole state of a core and what it does with a command; one file of the same folder for each concern.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "accounts.hpp"
#include "book/core.hpp"
#include "checks.hpp"
#include "id_map.hpp"
#include "order_pool.hpp"
#include "symbol_book.hpp"

namespace book {

class SnapshotReader;

class CoreState {
 public:
  explicit CoreState(Capacity capacity);

  void apply(const Command* commands, std::size_t count, EventBuffer& events);

  // state_hash.cpp, snapshot.cpp
  std::uint64_t state_hash() const;
  std::vector<std::uint8_t> snapshot() const;
  void restore(const std::uint8_t* bytes, std::size_t size);  // Only into a new state.

  // queries.cpp
  std::vector<LevelView> depth(std::uint32_t symbol, Side side, std::size_t levels_max) const;
  bool find(std::uint64_t order_id, LiveOrder& found) const;
  std::int64_t position(std::uint32_t account, std::uint32_t symbol) const;
  bool lease(std::uint32_t account, std::uint32_t symbol, LeaseState& found) const;
  std::uint64_t next_event_seq() const { return next_seq_; }
  std::size_t live_orders() const { return ids_.size(); }
  std::int64_t now() const { return now_; }
  std::size_t memory_bytes() const;

 private:
  struct AheadMaker {
    OrderIndex order;
    std::int64_t leaves;
  };
  struct Triggered {
    OrderIndex order;
    std::int64_t reference;
  };

  // core_state.cpp: the steps of a command.
  void apply_one(const Command& command);
  void apply_rare(const Command& command);
  void expire_due();

  // submit.cpp
  void submit(const Command& command, IdMap::Start start);
  void submit_special(const Command& command, IdMap::Start start);
  template <bool kPlain>
  void take_in(const Command& command, const OrderTerms& terms, IdMap::Start start);
  template <bool kPlain>
  Reason check_submit(const Command& command, const OrderTerms& terms, const SymbolBook& book, std::uint32_t account);
  template <bool kPlain>
  Reason check_account(const Command& command, const OrderTerms& terms, const SymbolBook& book, std::uint32_t account);
  Reason check_reduce_only(const Command& command, std::uint32_t account) const;
  void keep_terms(OrderIndex index, const Order& order, const Command& command, const OrderTerms& terms);

  // checks.cpp: the checks that submit and replace share.
  Reason check_rate(Account& account) const;
  Reason check_limits(const Intent& intent, const SymbolBook& book, const Account& account) const;

  // leases.cpp
  void set_lease(const Command& command);
  Reason check_lease(const Intent& intent, std::uint32_t holding) const;
  std::int64_t dearest_leased(std::uint32_t holding) const;
  void count_open_of_few(const Order& order, std::int64_t quantity);
  void count_fill_of_few(const Order& order, std::int64_t quantity, std::int64_t price);

  // match.cpp
  void execute(SymbolBook& book, OrderIndex index, std::int64_t min_quantity);
  Reason match(SymbolBook& book, OrderIndex index, Order& taker);
  bool is_simple_pair(const Order& taker, const Order& maker) const;
  void take_simple(SymbolBook& book, Ladder& makers, Level& level, Order& taker);
  Reason refuse_level(OrderIndex index, const Order& taker, std::int64_t level_price) const;
  bool beyond_bound(OrderIndex index, const Order& order, std::int64_t price) const;
  bool same_owner(const Order& taker, const Order& maker) const;
  void lessen_both(SymbolBook& book, OrderIndex maker_index, Order& maker, OrderIndex taker_index, Order& taker);
  void lessen(OrderIndex index, Order& order, std::int64_t quantity);
  void trade(SymbolBook& book, Order& taker, Order& maker, std::int64_t price, std::int64_t quantity);
  void after_trade(SymbolBook& book, OrderIndex index, Order& order, std::int64_t quantity, std::int64_t allowance);
  std::int64_t allowance(const Order& order) const;

  // look_ahead.cpp
  struct Walk;
  Reason look_ahead(const SymbolBook& book, OrderIndex index, const Order& taker, std::int64_t wanted);
  void walk_maker(Walk& walk, OrderIndex index, std::int64_t leaves, std::int64_t shown);
  std::int64_t allowance_ahead(const Order& order) const;
  void move_ahead(const Order& order, std::int64_t quantity);

  // lifecycle.hpp: how orders enter, come to rest and end. A loose one is in no book and waits for nothing: an incoming one.
  template <bool kPlain>
  OrderIndex enter(const Command& command, const OrderTerms& terms, SymbolBook& book, std::uint32_t account,
                   const IdMap::Place& place);
  void end(SymbolBook& book, OrderIndex index, EventKind kind, Reason reason);
  void end_loose(SymbolBook& book, OrderIndex index, EventKind kind, Reason reason);
  void drop(SymbolBook& book, OrderIndex index);
  void unlink(SymbolBook& book, OrderIndex index, const Order& order);
  void forget(SymbolBook& book, OrderIndex index, Order& order);
  void forget_but_id(SymbolBook& book, OrderIndex index, Order& order);
  void forget_specials(OrderIndex index, const Order& order);
  template <bool kPlain = false>
  void rest(SymbolBook& book, OrderIndex index, Order& order);
  std::int64_t shown(OrderIndex index, const Order& order) const;

  // cancel.cpp, replace.cpp
  void cancel(const Command& command, IdMap::Start start);
  void cancel_live(OrderIndex index, Reason reason);
  void mass_cancel(const Command& command);
  void replace(const Command& command);
  void refuse_replace(const Command& command);
  std::int64_t bound_after(const Command& command, OrderIndex index) const;
  Reason check_replace(const Command& command, const SymbolBook& book, OrderIndex index, std::int64_t stop_price,
                       bool keeps_place);

  // triggers.cpp
  void wait_for_trigger(SymbolBook& book, OrderIndex index, const Order& order);
  void stop_waiting(SymbolBook& book, OrderIndex index, const Order& order);
  void trigger_all(SymbolBook& book);
  void collect_triggered(SymbolBook& book, Trigger trigger, bool rising);
  void move_trailing(TriggerGroup& group, std::int64_t reference, bool rising);
  void fire(SymbolBook& book, const Triggered& due);

  // auction.cpp
  void uncross(SymbolBook& book);
  std::int64_t uncross_price(const SymbolBook& book) const;
  std::int64_t cross_pair(SymbolBook& book, std::int64_t price);

  // venue.cpp
  void venue_report(const Command& command);
  void venue_fill(const Command& command, SymbolBook& book, OrderIndex index);
  void venue_replace(const Command& command, OrderIndex index);

  // reference_data.cpp
  void list_instrument(const Command& command);
  void set_account(const Command& command);
  bool has_unchecked_orders(std::uint32_t account) const;
  void set_holding(const Command& command);
  void set_mark(const Command& command);
  void change_trading_state(const Command& command);

  Event& emit(EventKind kind, std::uint64_t order_id, std::uint16_t symbol, Reason reason = Reason::kNone) {
    Event& event = events_->append();
    event = Event{next_seq_++, order_id, 0, 0, 0, 0, 0, command_, symbol, kind, reason};
    return event;
  }
  [[gnu::noinline, gnu::cold]] void reject(std::uint64_t order_id, std::uint32_t symbol, Reason reason) {
    emit(EventKind::kRejected, order_id, symbol > kSymbolMax ? std::uint16_t{0} : static_cast<std::uint16_t>(symbol), reason);
  }
  void emit_terms(EventKind kind, const Order& order, Reason reason = Reason::kNone) {
    Event& event = emit(kind, order.order_id, order.symbol(), reason);
    event.price = order.price;
    event.quantity = order.traded() + order.leaves;
    event.leaves = order.leaves;
  }

  SymbolBook* book_of(std::uint32_t symbol) const {
    return symbol < books_.size() ? books_[symbol].get() : nullptr;
  }
  bool routed(OrderIndex index, const Order& order) const { return order.is(kExtended) && pool_.cold(index).venue != 0; }
  bool expires(OrderIndex index, const Order& order) const {
    return order.time_in_force == TimeInForce::kGtd && !routed(index, order);
  }
  // Into or out of the open quantities of its holding and its lease.
  void count_open(const Order& order, std::int64_t quantity) {
    if (order.holding == 0) return;
    if (order.is(kReduceOnly | kLeased)) return count_open_of_few(order, quantity);
    accounts_.holding(order.holding).open[side_index(order.side)] += quantity;
  }
  // Out of what is open and into the position.
  void count_fill(const Order& order, std::int64_t quantity, std::int64_t price) {
    if (order.holding == 0) return;
    accounts_.holding(order.holding).position += sign_of(order.side) * quantity;
    if (order.is(kReduceOnly | kLeased)) return count_fill_of_few(order, quantity, price);
    accounts_.holding(order.holding).open[side_index(order.side)] -= quantity;
  }

  // state_words.hpp
  template <class Visit>
  void visit_orders(Visit visit) const;
  template <class Sink>
  void describe(Sink& sink) const;
  std::vector<std::uint32_t> sorted_accounts() const;
  std::vector<std::uint32_t> sorted_holdings() const;
  std::vector<Lease> sorted_leases() const;

  // snapshot.cpp
  void restore_symbol(SnapshotReader& reader);
  void restore_account(SnapshotReader& reader);
  void restore_holding(SnapshotReader& reader);
  void restore_lease(SnapshotReader& reader);
  void restore_order(SnapshotReader& reader, SymbolBook& book);

  std::int64_t now_ = 0;
  std::int64_t next_expiry_ = INT64_MAX;  // The least of expiry_.
  std::uint64_t next_seq_ = 1;
  std::uint64_t next_entry_ = 1;
  std::uint32_t command_ = 0;  // Its index in the batch.
  EventBuffer* events_ = nullptr;
  SymbolBook* touched_ = nullptr;  // Its references, its state or its dormant orders changed in this command.
  OrderPool pool_;
  IdMap ids_;
  std::vector<std::unique_ptr<SymbolBook>> books_;  // By symbol; null: not listed.
  Accounts accounts_;
  ExpiryHeap expiry_;
  std::size_t orders_max_;
  std::size_t unchecked_orders_ = 0;  // Live ones of accounts that are not 0 and not known.
  std::uint64_t look_aheads_ = 0;

  // Kept only to be used again.
  std::vector<Triggered> triggered_;
  std::vector<OrderIndex> chosen_;
  std::vector<AheadMaker> ahead_queue_;
  std::vector<AheadMaker> ahead_round_;
};

}  // namespace book
