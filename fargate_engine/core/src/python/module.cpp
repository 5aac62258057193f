// The Python module: arrays of commands in, arrays of events out, and single calls. No rule of the market is here.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "book/core.hpp"
#include "book/event_buffer.hpp"
#include "book/messages.hpp"
#include "book/split.hpp"
#include "records.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace matching_core {
namespace {

using book::Command;
using book::Event;
using book::EventBuffer;

// Never freed: Python objects must not outlive the interpreter in a static's destructor.
const Numpy& numpy() {
  static const Numpy* const imported = new Numpy(import_numpy());
  return *imported;
}

struct Batch {
  const Command* commands;
  std::size_t count;
};

// Refuses whatever is not a contiguous array of whole, aligned commands.
Batch batch_of(nb::handle array) {
  const Numpy& known = numpy();
  if (!nb::isinstance(array, known.array)) throw nb::type_error("commands must be a numpy array");
  const nb::object dtype = array.attr("dtype");
  if (!dtype.is(known.command) && !dtype.equal(known.command) && !dtype.equal(known.instrument_command) &&
      !dtype.equal(known.account_command) && !dtype.equal(known.holding_command) &&
      !dtype.equal(known.lease_command)) {
    throw nb::type_error(
        "commands must have the dtype COMMAND, INSTRUMENT_COMMAND, ACCOUNT_COMMAND, HOLDING_COMMAND or LEASE_COMMAND");
  }
  Py_buffer view;
  if (PyObject_GetBuffer(array.ptr(), &view, PyBUF_STRIDES) != 0) throw nb::python_error();
  const Batch batch{static_cast<const Command*>(view.buf), static_cast<std::size_t>(view.len) / sizeof(Command)};
  const bool flat = view.ndim == 1;
  const bool contiguous = PyBuffer_IsContiguous(&view, 'C');
  // The caller's reference keeps the array, and so its memory, for the length of the call.
  PyBuffer_Release(&view);
  if (!flat) throw nb::value_error("commands must have one dimension");
  if (!contiguous) throw nb::value_error("commands must be contiguous: copy them first");
  if (reinterpret_cast<std::uintptr_t>(batch.commands) % alignof(Command) != 0) {
    throw nb::value_error("commands must be aligned to 8 bytes: copy them first");
  }
  return batch;
}

// Hands the events to numpy as they lie, without a copy; read-only, since they are what happened.
nb::object array_of(std::unique_ptr<EventBuffer> events) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(events->data());
  const std::size_t size = events->size() * sizeof(Event);
  const nb::capsule owner(events.get(), [](void* held) noexcept { delete static_cast<EventBuffer*>(held); });
  static_cast<void>(events.release());
  return nb::ndarray<nb::numpy, const std::uint8_t, nb::ndim<1>>(bytes, {size}, owner)
      .cast()
      .attr("view")(numpy().event);
}

Command bytes_of(nb::handle record) {
  Py_buffer view;
  if (PyObject_GetBuffer(record.ptr(), &view, PyBUF_SIMPLE) != 0) throw nb::python_error();
  Command command;
  const bool whole = view.len == sizeof(Command);
  if (whole) std::memcpy(&command, view.buf, sizeof(Command));
  PyBuffer_Release(&view);
  if (!whole) throw nb::value_error("a command has 128 bytes");
  return command;
}

book::Capacity capacity_of(std::uint32_t orders, std::uint32_t orders_max) {
  if (orders > orders_max) throw nb::value_error("orders must not be more than orders_max");
  return {orders, orders_max};
}

// A core that threads may share: they take turns.
class MatchingCore {
 public:
  explicit MatchingCore(book::Core core) : core_(std::move(core)) {}
  MatchingCore(std::uint32_t orders, std::uint32_t orders_max) : core_(capacity_of(orders, orders_max)) {}

  static std::unique_ptr<MatchingCore> restore(const nb::bytes& snapshot, std::uint32_t orders,
                                               std::uint32_t orders_max) {
    const book::Capacity capacity = capacity_of(orders, orders_max);
    const auto* bytes = static_cast<const std::uint8_t*>(snapshot.data());
    const std::size_t size = snapshot.size();
    nb::gil_scoped_release unlocked;
    return std::make_unique<MatchingCore>(book::Core::restore(bytes, size, capacity));
  }

  nb::object apply(nb::handle array) {
    const Batch batch = batch_of(array);
    auto events = std::make_unique<EventBuffer>();
    {
      nb::gil_scoped_release unlocked;
      const std::lock_guard turn(mutex_);
      events->reserve(batch.count + batch.count / 2);  // Most commands have one event, some have a few.
      core_.apply(batch.commands, batch.count, *events);
    }
    return array_of(std::move(events));
  }

  std::size_t apply_one(nb::handle record) { return apply_single(bytes_of(record)); }

  std::size_t submit_limit(std::uint64_t order_id, std::uint32_t symbol, std::uint32_t account, book::Side side,
                           std::int64_t price, std::int64_t quantity, book::TimeInForce time_in_force,
                           std::int64_t at_ns, std::uint8_t flags, book::SelfTrade self_trade, std::uint32_t session) {
    Command command{};
    command.kind = book::Kind::kSubmit;
    command.type = book::Type::kLimit;
    command.order_id = order_id;
    command.symbol = symbol;
    command.account = account;
    command.side = side;
    command.price = price;
    command.quantity = quantity;
    command.time_in_force = time_in_force;
    command.at_ns = at_ns;
    command.flags = flags;
    command.self_trade = self_trade;
    command.session = session;
    return apply_single(command);
  }

  std::size_t cancel(std::uint64_t order_id, std::int64_t at_ns) {
    Command command{};
    command.kind = book::Kind::kCancel;
    command.order_id = order_id;
    command.at_ns = at_ns;
    return apply_single(command);
  }

  nb::object events() {
    auto copy = std::make_unique<EventBuffer>();
    {
      const Turn turn(mutex_);
      copy->reserve(events_.size());
      for (const Event& event : events_) copy->append() = event;
    }
    return array_of(std::move(copy));
  }

  std::uint64_t state_hash() {
    nb::gil_scoped_release unlocked;
    const std::lock_guard turn(mutex_);
    return core_.state_hash();
  }

  nb::bytes snapshot() {
    std::vector<std::uint8_t> bytes;
    {
      nb::gil_scoped_release unlocked;
      const std::lock_guard turn(mutex_);
      bytes = core_.snapshot();
    }
    return nb::bytes(bytes.data(), bytes.size());
  }

  std::vector<std::tuple<std::int64_t, std::int64_t, std::uint32_t>> depth(std::uint32_t symbol, book::Side side,
                                                                           std::size_t levels_max) {
    const Turn turn(mutex_);
    std::vector<std::tuple<std::int64_t, std::int64_t, std::uint32_t>> levels;
    for (const book::LevelView& level : core_.depth(symbol, side, levels_max)) {
      levels.emplace_back(level.price, level.quantity, level.orders);
    }
    return levels;
  }

  std::optional<book::LiveOrder> order(std::uint64_t order_id) {
    const Turn turn(mutex_);
    book::LiveOrder found;
    if (!core_.find(order_id, found)) return std::nullopt;
    return found;
  }

  std::int64_t position(std::uint32_t account, std::uint32_t symbol) {
    const Turn turn(mutex_);
    return core_.position(account, symbol);
  }

  std::optional<book::LeaseState> lease(std::uint32_t account, std::uint32_t symbol) {
    const Turn turn(mutex_);
    book::LeaseState found;
    if (!core_.lease(account, symbol, found)) return std::nullopt;
    return found;
  }

  std::size_t live_orders() {
    const Turn turn(mutex_);
    return core_.live_orders();
  }

  std::uint64_t next_event_seq() {
    const Turn turn(mutex_);
    return core_.next_event_seq();
  }

  std::int64_t now_ns() {
    const Turn turn(mutex_);
    return core_.now();
  }

  std::size_t memory_bytes() {
    const Turn turn(mutex_);
    return core_.memory_bytes();
  }

 private:
  // For what is too short to let the GIL go: it is only let go to wait for another thread's batch.
  class Turn {
   public:
    explicit Turn(std::mutex& mutex) : lock_(mutex, std::try_to_lock) {
      if (lock_.owns_lock()) return;
      nb::gil_scoped_release unlocked;
      lock_.lock();
    }

   private:
    std::unique_lock<std::mutex> lock_;
  };

  std::size_t apply_single(const Command& command) {
    const Turn turn(mutex_);
    events_.clear();
    core_.apply(&command, 1, events_);
    return events_.size();
  }

  std::mutex mutex_;  // Nobody waits for it while holding the GIL.
  book::Core core_;
  EventBuffer events_;  // Of the last single call.
};

void define_live_order(nb::module_& module) {
  using book::LiveOrder;
  nb::class_<LiveOrder>(module, "LiveOrder", nb::is_final(),
                        "A live order as it was when it was asked for; prices and quantities in the core's units.")
      .def_ro("order_id", &LiveOrder::order_id)
      .def_ro("price", &LiveOrder::price)
      .def_ro("quantity", &LiveOrder::quantity, "The whole: traded and left.")
      .def_ro("leaves", &LiveOrder::leaves)
      .def_ro("stop_price", &LiveOrder::stop_price, "The distance for a trailing stop.")
      .def_ro("symbol", &LiveOrder::symbol)
      .def_ro("account", &LiveOrder::account)
      .def_ro("session", &LiveOrder::session)
      .def_ro("side", &LiveOrder::side)
      .def_ro("type", &LiveOrder::type)
      .def_ro("time_in_force", &LiveOrder::time_in_force)
      .def_ro("venue", &LiveOrder::venue)
      .def_ro("resting", &LiveOrder::resting, "In the book; else dormant, or at its venue.");
}

nb::object whole(const book::Notional& notional) {
  return (nb::int_(notional.high) << nb::int_(64)) | nb::int_(notional.low);
}

void define_lease_state(nb::module_& module) {
  using book::LeaseState;
  nb::class_<LeaseState>(module, "LeaseState", nb::is_final(),
                         "A lease as it was when it was asked for: what leased orders may do, and what they have done.")
      .def_ro("version", &LeaseState::version, "The last one that was taken.")
      .def_ro("buy_granted", &LeaseState::buy_granted, "Of all leased buys there ever were, filled or open.")
      .def_ro("sell_granted", &LeaseState::sell_granted)
      .def_ro("price_high", &LeaseState::price_high)
      .def_ro("orders_max", &LeaseState::orders_max)
      .def_ro("expires_at_ns", &LeaseState::expires_at_ns)
      .def_ro("buy_filled", &LeaseState::buy_filled, "Of all leased buys there ever were.")
      .def_ro("sell_filled", &LeaseState::sell_filled)
      .def_prop_ro(
          "buy_notional", [](const LeaseState& lease) { return whole(lease.buy_notional); },
          nb::sig("def buy_notional(self) -> int"), "Price times quantity of what was filled.")
      .def_prop_ro(
          "sell_notional", [](const LeaseState& lease) { return whole(lease.sell_notional); },
          nb::sig("def sell_notional(self) -> int"))
      .def_ro("buy_open", &LeaseState::buy_open, "The leaves of the live ones.")
      .def_ro("sell_open", &LeaseState::sell_open)
      .def_ro("live_orders", &LeaseState::live_orders);
}

constexpr const char* kMatchingCoreDoc =
    R"(All the books of a shard as one state machine: commands in, events out; docs/matching.md has the rules.

Prices and quantities are integers in whatever unit the instrument was listed with, times nanoseconds since 1970.
Threads may share a core: they take turns. What `orders` says is reserved at once; a submit beyond `orders_max`
live orders is refused with Reason.CORE_FULL.

Raises ValueError if `orders` is more than `orders_max`, MemoryError if there is not room for `orders`.)";

constexpr const char* kApplyDoc =
    R"(Apply commands of shape (n,) in order; their events, of shape (m,) and dtype EVENT, in order.

`commands` has one of the five command dtypes (one may be viewed as another), is contiguous and may be read-only; no
other thread may write to it during the call. The events own their memory and are read-only; `command` in them is the
index in this batch. The GIL is released. A bad command is answered by an event; only what is not an array of commands
raises: TypeError for another type or dtype, ValueError for another shape or a layout that must be copied first. After a
MemoryError the core stands somewhere inside the batch: throw it away.)";

constexpr const char* kApplyOneDoc =
    R"(Apply one command of 128 bytes: bytes, or an element of a command array. The number of its events.

Raises TypeError if it has no bytes, ValueError if it has more or fewer.)";

constexpr const char* kSubmitLimitDoc =
    R"(Submit a limit order; the number of its events. With `at_ns` 0 the core's time stands still.

Raises TypeError for a number that does not fit its field.)";

constexpr const char* kRestoreDoc =
    R"(The core that a snapshot was taken of.

Raises BadSnapshot, a ValueError, for bytes that are truncated, damaged, of another version or inconsistent, or that
hold more than `orders_max` live orders.)";

constexpr const char* kDepthDoc =
    R"(Up to `levels_max` levels from the best: (price, quantity shown, number of orders).

Raises IndexError for a symbol that is not listed.)";

void define_matching_core(nb::module_& module) {
  using TimeInForce = book::TimeInForce;
  using SelfTrade = book::SelfTrade;
  const book::Capacity usual;
  nb::class_<MatchingCore>(module, "MatchingCore", nb::is_final(), kMatchingCoreDoc)
      .def(nb::init<std::uint32_t, std::uint32_t>(), nb::kw_only(), "orders"_a = usual.orders,
           "orders_max"_a = usual.orders_max)
      .def_static("restore", &MatchingCore::restore, "snapshot"_a, nb::kw_only(), "orders"_a = usual.orders,
                  "orders_max"_a = usual.orders_max, kRestoreDoc)
      .def("apply", &MatchingCore::apply, "commands"_a, kApplyDoc,
           nb::sig("def apply(self, commands: numpy.typing.NDArray[numpy.void]) -> numpy.typing.NDArray[numpy.void]"))
      .def("apply_one", &MatchingCore::apply_one, "command"_a, kApplyOneDoc,
           nb::sig("def apply_one(self, command: bytes | numpy.void) -> int"))
      .def("submit_limit", &MatchingCore::submit_limit, "order_id"_a, "symbol"_a, "account"_a, "side"_a, "price"_a,
           "quantity"_a, "time_in_force"_a = TimeInForce::kGtc, "at_ns"_a = 0, "flags"_a = 0,
           "self_trade"_a = SelfTrade::kAllow, "session"_a = 0, kSubmitLimitDoc)
      .def("cancel", &MatchingCore::cancel, "order_id"_a, "at_ns"_a = 0, "Cancel a live order; the number of events.")
      .def("events", &MatchingCore::events,
           "The events of the last single call, of shape (m,) and dtype EVENT; a copy.",
           nb::sig("def events(self) -> numpy.typing.NDArray[numpy.void]"))
      .def("state_hash", &MatchingCore::state_hash, "64 bits, equal for equal states. It walks the whole state.")
      .def("snapshot", &MatchingCore::snapshot,
           "The whole state, versioned and checksummed; equal for equal histories.")
      .def("depth", &MatchingCore::depth, "symbol"_a, "side"_a, "levels_max"_a, kDepthDoc)
      .def("order", &MatchingCore::order, "order_id"_a, "The live order of that id, or None.")
      .def("position", &MatchingCore::position, "account"_a, "symbol"_a, "0 for whoever is not known.")
      .def("lease", &MatchingCore::lease, "account"_a, "symbol"_a,
           "The lease of that account in that symbol, or None if there was never one.")
      .def_prop_ro("live_orders", &MatchingCore::live_orders)
      .def_prop_ro("next_event_seq", &MatchingCore::next_event_seq, "The number that the next event will have.")
      .def_prop_ro("now_ns", &MatchingCore::now_ns, "The latest time that a command had.")
      .def_prop_ro("memory_bytes", &MatchingCore::memory_bytes, "What it holds allocated.");
}

constexpr const char* kSplitCheapestDoc =
    R"(How to split `quantity` over several books so that it costs least: of each, what to take, and from how many levels.

`books` are levels of (price, quantity), best first, and `unit_costs` what the prices of each book are multiplied with:
below zero where a high price is the better one. Where two cost the same, the book that stands first. Less than `quantity`
where the books hold less. Raises ValueError unless there is a unit cost for each book.)";

using Pair = std::pair<std::int64_t, std::int64_t>;

std::vector<Pair> split_cheapest(const std::vector<std::vector<Pair>>& books,
                                 const std::vector<std::int64_t>& unit_costs, std::int64_t quantity) {
  std::vector<std::vector<book::Offer>> offers(books.size());
  for (std::size_t at = 0; at < books.size(); ++at) {
    offers[at].reserve(books[at].size());
    for (const auto& [price, offered] : books[at]) offers[at].push_back({price, offered});
  }
  std::vector<Pair> takes;
  for (const book::Take& take : book::split_cheapest(offers, unit_costs, quantity)) {
    takes.emplace_back(take.quantity, static_cast<std::int64_t>(take.levels));
  }
  return takes;
}

}  // namespace
}  // namespace matching_core

NB_MODULE(_core, module) {
  module.doc() = "The compiled part of matching_core; import that.";
  matching_core::define_enumerations(module);
  nb::exception<book::BadSnapshot>(module, "BadSnapshot", PyExc_ValueError);
  matching_core::define_live_order(module);
  matching_core::define_lease_state(module);
  matching_core::define_matching_core(module);
  module.def("split_cheapest", &matching_core::split_cheapest, "books"_a, "unit_costs"_a, "quantity"_a,
             matching_core::kSplitCheapestDoc,
             nb::sig("def split_cheapest(books: collections.abc.Sequence[collections.abc.Sequence[tuple[int, int]]], "
                     "unit_costs: collections.abc.Sequence[int], quantity: int) -> list[tuple[int, int]]"));
  const matching_core::Numpy& numpy = matching_core::numpy();
  module.attr("COMMAND") = numpy.command;
  module.attr("INSTRUMENT_COMMAND") = numpy.instrument_command;
  module.attr("ACCOUNT_COMMAND") = numpy.account_command;
  module.attr("HOLDING_COMMAND") = numpy.holding_command;
  module.attr("LEASE_COMMAND") = numpy.lease_command;
  module.attr("EVENT") = numpy.event;
}
