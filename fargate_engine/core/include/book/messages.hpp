// The core's inputs and outputs: fixed-size records of integers, journalled and sent as they lie in memory (little endian).
// Prices are in ticks of the caller's choice, quantities in lots; times are nanoseconds since 1970. docs/matching.md has the rules.
#pragma once
#include <cstdint>
#include <type_traits>

namespace book {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the records are little endian as they lie in memory");

// Bounds that let sums and products be checked cheaply: a price times a quantity fits 128 bits with room to spare.
inline constexpr std::int64_t kPriceMax = (std::int64_t{1} << 61) - 1;
inline constexpr std::int64_t kQuantityMax = std::int64_t{1} << 48;
inline constexpr std::uint32_t kSymbolMax = 65'535;  // An event carries its symbol in 16 bits.

enum class Kind : std::uint8_t {
  kSubmit = 1,
  kCancel = 2,
  kReplace = 3,
  kMassCancel = 4,  // Of `account`, `session` and `symbol`, each only if it is not 0; all 0: every order of the shard.
  kRefuse = 5,      // An id that shall never trade: the caller refused the order before the core; `reason` says why.
  // What an outside venue said of an order with `venue` != 0, which the core keeps but does not match.
  kVenueAccepted = 6,
  kVenueRejected = 7,
  kVenueFilled = 8,  // `price`, `quantity`
  kVenueCanceled = 9,
  kVenueExpired = 10,
  kVenueReplaced = 11,  // `price`, `quantity` (new, whole)
  kRefuseReplace = 12,  // A replace that came to nothing: the caller or the venue refused it; `reason` says why.
  // Reference data and the market's state.
  kListInstrument = 16,
  kSetAccount = 17,
  kSetHolding = 18,
  kSetMark = 19,   // `symbol`, `price`
  kHalt = 20,
  kResume = 21,
  kStartAuction = 22,
  kUncross = 23,
  kAdvanceTime = 24,  // Nothing but the time: what is due expires.
  kSetLease = 25,     // Of `account` in `symbol`.
};

enum class Side : std::uint8_t { kBuy = 1, kSell = 2 };

enum class Type : std::uint8_t {
  kLimit = 1,
  kMarket = 2,           // `price` is the worst it may trade at (protection price); 0: none.
  kStop = 3,             // Becomes a market order; `price` is its protection price.
  kStopLimit = 4,        // Becomes a limit order at `price`.
  kTakeProfit = 5,       // As kStop, triggered from the other side.
  kTakeProfitLimit = 6,
  kTrailingStop = 7,     // As kStop; `stop_price` is the distance that it keeps behind the best reference price.
};

enum class TimeInForce : std::uint8_t { kGtc = 1, kIoc = 2, kFok = 3, kGtd = 4 };

enum class SelfTrade : std::uint8_t { kAllow = 0, kCancelNewest = 1, kCancelOldest = 2, kCancelBoth = 3, kDecrement = 4 };

enum class Trigger : std::uint8_t { kLast = 0, kMark = 1 };

// Command::flags
inline constexpr std::uint8_t kPostOnly = 1;
inline constexpr std::uint8_t kReduceOnly = 2;
inline constexpr std::uint8_t kFirmSelfTrade = 4;  // Self-trade prevention looks at the firm, not at the account.
inline constexpr std::uint8_t kExtended = 8;       // `order` below is to be read; without it every field there counts as 0.
inline constexpr std::uint8_t kLeased = 16;        // It uses the lease of its account in its symbol, and is refused without.
inline constexpr std::uint8_t kFlagsEnd = 32;      // All flags together are below it.

enum class Reason : std::uint8_t {
  kNone = 0,
  // Rejected: the order cannot be right.
  kUnknownSymbol = 1,
  kUnknownAccount = 2,
  kDuplicateOrderId = 3,
  kUnknownOrder = 4,
  kInvalidTerms = 5,
  kInvalidQuantity = 6,
  kInvalidPrice = 7,
  kOverflow = 8,
  kCoreFull = 9,
  // Rejected: it may not be.
  kPriceOutsideBand = 16,
  kOrderTooLarge = 17,
  kNotionalTooLarge = 18,
  kCollar = 19,
  kPositionLimit = 20,
  kTooManyOpenOrders = 21,
  kRateLimit = 22,
  kNoReferencePrice = 23,
  kReduceOnly = 24,  // Also: what was left of a reduce-only order was cancelled, since nothing is left to reduce.
  kHalted = 25,
  kNotInAuction = 26,
  kPostOnlyWouldTake = 27,
  kTooLate = 28,  // A replace to no more than what has traded, or of an order that its venue has not accepted yet.
  kLeaseExhausted = 29,  // Also: there is no lease.
  kLeaseExpired = 30,
  // Cancelled: what was left could not stay.
  kNoLiquidity = 40,
  kFokNotFillable = 41,
  kMinQuantity = 42,
  kPriceBand = 43,
  kSelfTrade = 44,
  kMassCancel = 45,
  kVenue = 46,
  // 128 and above are the caller's own, for kRefuse and kVenue*; the core passes them through.
  kCallerFirst = 128,
};

// The second cache line of a command, by its kind. Amounts in ticks and lots.
struct OrderTerms {  // kSubmit, kReplace, with kExtended
  std::int64_t stop_price;        // Or the trailing distance; > 0 for the types that have one.
  std::int64_t display_quantity;  // Iceberg: what it shows at a time; 0: all.
  std::int64_t min_quantity;      // It trades at least this at once, or not at all; 0: any.
  std::int64_t expire_at_ns;      // kGtd
  std::int64_t price_bound;       // The far edge of its own band: a buy never trades below, a sell never above; 0: none; in a
                                  // replace: as it was, and none where there was none.
  std::int64_t spare[3];
};
struct InstrumentTerms {  // kListInstrument; 0 in a maximum: none
  std::int64_t tick;
  std::int64_t lot;
  std::int64_t price_low;
  std::int64_t price_high;
  std::int64_t quantity_min;
  std::int64_t quantity_max;
  std::int64_t collar_bps;  // How far beyond the reference price an order may reach, in 1/10,000 of it.
  std::int64_t spare;
};
struct AccountTerms {  // kSetAccount: the account is known from here on, and checked; 0: no limit
  std::int64_t firm;
  std::int64_t order_quantity_max;
  std::int64_t order_notional_max;  // price * quantity
  std::int64_t open_orders_max;
  std::int64_t rate_max;  // Submits and replaces in each window of rate_window_ns.
  std::int64_t rate_window_ns;
  std::int64_t spare[2];
};
struct HoldingTerms {  // kSetHolding: of `account` in `symbol`
  std::int64_t position;
  std::int64_t position_max;  // Of its magnitude, with every open order filled; 0: no limit.
  std::int64_t spare[6];
};
struct LeaseTerms {  // kSetLease: of `account` in `symbol`; 0 in a maximum: nothing
  std::int64_t version;       // Not above the last one taken: nothing changes.
  std::int64_t buy_granted;   // Lots of all leased buys there ever were, filled or open;
  std::int64_t sell_granted;  // and of all sells.
  std::int64_t price_high;    // No lot is bought or sold above.
  std::int64_t orders_max;    // Live ones at a time.
  std::int64_t expires_at_ns; // 0: it is stopped.
  std::int64_t spare[2];
};

struct Command {
  std::uint64_t seq;
  std::int64_t at_ns;
  std::uint64_t order_id;
  std::int64_t price;
  std::int64_t quantity;
  std::uint32_t symbol;
  std::uint32_t account;
  std::uint32_t session;
  Kind kind;
  Side side;
  Type type;
  TimeInForce time_in_force;
  std::uint8_t flags;
  SelfTrade self_trade;
  Trigger trigger;
  std::uint8_t venue;  // 0: this book.
  Reason reason;       // kRefuse, kVenueRejected, kVenueCanceled, kRefuseReplace
  std::uint8_t spare[3];
  union {
    OrderTerms order;
    InstrumentTerms instrument;
    AccountTerms account_terms;
    HoldingTerms holding;
    LeaseTerms lease;
  };
};
static_assert(sizeof(Command) == 128 && std::is_trivially_copyable_v<Command>);

enum class EventKind : std::uint8_t {
  kAccepted = 1,         // The order lives. `price`, `quantity`; leaves = quantity.
  kRejected = 2,         // It never did.
  kTraded = 3,           // `order_id` is the taker, `maker_id` the maker; two changes, so it takes two numbers.
  kCanceled = 4,         // `quantity` was left.
  kExpired = 5,
  kReplaced = 6,         // `price`, `quantity` (new, whole), `leaves`
  kReduced = 7,          // Left without a trade: self-trade decrement. `quantity` by how much, `leaves` what is left.
  kTriggered = 8,
  kRouted = 9,           // An order with `venue` != 0 passed the checks: it may be sent there now.
  kCancelRequested = 10, // A cancel of such an order: to be sent there now.
  kCancelRejected = 11,
  kReplaceRejected = 12,
  kVenueFilled = 13,     // A fill at an outside venue: `price`, `quantity`, `leaves`.
  kHalted = 14,
  kResumed = 15,
  kAuctionStarted = 16,
  kUncrossed = 17,       // `price` and `quantity` of the cross; both 0 when nothing could trade.
  kUpdated = 18,         // Reference data was taken.
  kLeaseSet = 19,        // The answer to kSetLease, whether it was taken or not: of the lease as it is `maker_id` the version,
                         // `price` and `quantity` the granted buys and sells, `leaves` and `maker_leaves` the filled ones.
  kReplaceRequested = 20, // A replace of an order with `venue` != 0 passed the checks: to be sent there now.
};

enum class TradingState : std::uint8_t { kContinuous = 0, kHalted = 1, kAuction = 2 };

struct Event {
  std::uint64_t seq;  // Counts order changes, from 1; a kTraded's maker has `seq`, its taker `seq + 1`.
  std::uint64_t order_id;
  std::uint64_t maker_id;  // kTraded, kLeaseSet; else 0.
  std::int64_t price;
  std::int64_t quantity;
  std::int64_t leaves;
  std::int64_t maker_leaves;  // kTraded, kLeaseSet; else 0.
  std::uint32_t command;      // Index of the command in its batch.
  std::uint16_t symbol;
  EventKind kind;
  Reason reason;
};
static_assert(sizeof(Event) == 64 && std::is_trivially_copyable_v<Event>);

}  // namespace book
