// The state as bytes and back: words of 64 bits, little endian.
//   magic, version, how many symbols, accounts, holdings and leases, live orders of each symbol;
//   the words of the state (state_words.hpp); its state hash; the hash of all words before
// A snapshot comes from a store that may have damaged it or from somebody who made it up: all is judged before it is used.
#include <cstring>
#include <string>

#include "checks.hpp"
#include "state_words.hpp"

namespace book {

namespace {

constexpr std::uint64_t kMagic = 0x65726F636B6F6F62u;  // "bookcore"
constexpr std::uint64_t kVersion = 2;
constexpr std::size_t kHeaderWords = 2;
// Counters that only go up by one stay below it.
constexpr std::uint64_t kCounterMax = std::uint64_t{1} << 62;

class Writer {
 public:
  template <class... Words>
  void add(Words... words) {
    (add_one(static_cast<std::uint64_t>(words)), ...);
  }
  std::uint64_t hash() const { return hash_.value(); }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  void add_one(std::uint64_t word) {
    hash_.add(word);
    for (int shift = 0; shift < 64; shift += 8) bytes_.push_back(static_cast<std::uint8_t>(word >> shift));
  }

  std::vector<std::uint8_t> bytes_;
  StateHash hash_;
};

void require(bool condition, const char* what) {
  if (!condition) throw BadSnapshot(std::string("bad snapshot: ") + what);
}

bool between(std::int64_t low, std::int64_t value, std::int64_t high) { return low <= value && value <= high; }

}  // namespace

class SnapshotReader {
 public:
  SnapshotReader(const std::uint8_t* bytes, std::size_t size) : bytes_(bytes), words_(size / 8) {
    require(size % 8 == 0, "its size");
  }

  std::uint64_t word() {
    require(at_ < words_, "truncated");
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i) word |= std::uint64_t{bytes_[at_ * 8 + i]} << (8 * i);
    ++at_;
    return word;
  }
  std::int64_t number() { return static_cast<std::int64_t>(word()); }
  std::int64_t number(std::int64_t low, std::int64_t high, const char* what) {
    const std::int64_t value = number();
    require(between(low, value, high), what);
    return value;
  }
  std::uint32_t small(std::uint32_t high, const char* what) {
    return static_cast<std::uint32_t>(number(0, high, what));
  }

  // Reads all of it: the last word is the hash of the others.
  void check_damage() {
    at_ = 0;
    StateHash hash;
    while (at_ + 1 < words_) hash.add(word());
    require(word() == hash.value(), "damaged");
  }

  std::size_t words_left() const { return words_ - at_; }
  void go_to(std::size_t word) { at_ = word; }

 private:
  const std::uint8_t* bytes_;
  std::size_t words_;
  std::size_t at_ = 0;
};

std::vector<std::uint8_t> CoreState::snapshot() const {
  Writer writer;
  std::size_t symbols = 0;
  for (const auto& book : books_) symbols += book != nullptr ? 1 : 0;
  writer.add(kMagic, kVersion, symbols, accounts_.accounts().size() - 1, sorted_holdings().size(),
             accounts_.leases().size() - 1);
  for (const auto& book : books_) {
    if (book != nullptr) writer.add(book->live_orders);
  }
  describe(writer);
  writer.add(state_hash());
  writer.add(writer.hash());
  return writer.take();
}

void CoreState::restore(const std::uint8_t* bytes, std::size_t size) {
  SnapshotReader reader(bytes, size);
  require(reader.word() == kMagic, "not one");
  require(reader.word() == kVersion, "another version");
  reader.check_damage();
  reader.go_to(kHeaderWords);
  const std::uint32_t symbols = reader.small(kSymbolMax, "symbols");
  const std::uint32_t accounts = reader.small(UINT32_MAX, "accounts");
  const std::uint32_t holdings = reader.small(UINT32_MAX, "holdings");
  const std::uint32_t leases = reader.small(UINT32_MAX, "leases");
  std::vector<std::uint32_t> orders;
  std::uint64_t orders_in_all = 0;
  for (std::uint32_t i = 0; i < symbols; ++i) {
    orders.push_back(reader.small(UINT32_MAX, "orders"));
    orders_in_all += orders.back();
  }
  // A count larger than what is there fails before anything is made for it.
  const std::uint64_t words = kStateWords + symbols * kSymbolWords + accounts * kAccountWords +
                              holdings * kHoldingWords + leases * kLeaseWords + orders_in_all * kOrderWords + 2;
  require(words == reader.words_left(), "its counts");
  require(orders_in_all <= orders_max_, "more orders than this core has room for");

  now_ = reader.number(0, INT64_MAX, "time");
  next_seq_ = static_cast<std::uint64_t>(reader.number(1, kCounterMax, "event number"));
  next_entry_ = static_cast<std::uint64_t>(reader.number(1, kEntryMax, "entry number"));
  require(reader.word() == orders_in_all, "its counts");
  for (std::uint32_t i = 0; i < symbols; ++i) restore_symbol(reader);
  for (std::uint32_t i = 0; i < accounts; ++i) restore_account(reader);
  for (std::uint32_t i = 0; i < holdings; ++i) restore_holding(reader);
  for (std::uint32_t i = 0; i < leases; ++i) restore_lease(reader);
  auto count = orders.begin();
  for (const auto& book : books_) {
    if (book == nullptr) continue;
    for (std::uint32_t left = *count++; left > 0; --left) restore_order(reader, *book);
    require(book->state != TradingState::kContinuous || !book->crossed(), "a crossed book");
  }
  touched_ = nullptr;
  // What was counted from the orders, and the place of each of them, is what was written.
  require(state_hash() == reader.word(), "inconsistent");
}

void CoreState::restore_symbol(SnapshotReader& reader) {
  const std::uint32_t symbol = reader.small(kSymbolMax, "a symbol");
  require(symbol != 0 && symbol >= books_.size(), "a symbol");
  InstrumentTerms terms{};
  for (std::int64_t* term : {&terms.tick, &terms.lot, &terms.price_low, &terms.price_high, &terms.quantity_min,
                             &terms.quantity_max, &terms.collar_bps}) {
    *term = reader.number();
  }
  require(sensible(terms), "an instrument's terms");
  books_.resize(symbol + 1);
  books_[symbol] = std::make_unique<SymbolBook>(static_cast<std::uint16_t>(symbol), terms);
  books_[symbol]->state = static_cast<TradingState>(reader.small(2, "a trading state"));
  books_[symbol]->last = reader.number(0, kPriceMax, "a last price");
  books_[symbol]->mark = reader.number(0, kPriceMax, "a mark price");
}

void CoreState::restore_account(SnapshotReader& reader) {
  const std::uint32_t number = reader.small(UINT32_MAX, "an account");
  require(number > accounts_.accounts().back().account, "an account");
  Account& account = accounts_[accounts_.add(number)];
  AccountTerms& terms = account.terms;
  for (std::int64_t* term : {&terms.firm, &terms.order_quantity_max, &terms.order_notional_max, &terms.open_orders_max,
                             &terms.rate_max, &terms.rate_window_ns}) {
    *term = reader.number();
  }
  require(sensible(terms), "an account's terms");
  reader.number();  // Its live orders are counted as they come.
  account.rate_window = reader.number(0, INT64_MAX, "a rate window");
  account.rate_count = reader.number(0, kCounterMax, "a rate count");
}

void CoreState::restore_holding(SnapshotReader& reader) {
  const std::uint32_t account = accounts_.find(reader.small(UINT32_MAX, "a holding's account"));
  require(account != 0, "a holding's account");
  const std::uint32_t symbol = reader.small(kSymbolMax, "a holding's symbol");
  require(book_of(symbol) != nullptr, "a holding's symbol");
  Holding& holding = accounts_.holding(accounts_.find_or_add_holding(account, symbol));
  holding.position = reader.number(-kHoldingMax, kHoldingMax, "a position");
  holding.position_max = reader.number(0, INT64_MAX, "a position limit");
  reader.number();  // So are its open quantities.
  reader.number();
}

void CoreState::restore_lease(SnapshotReader& reader) {
  const std::uint32_t account = accounts_.find(reader.small(UINT32_MAX, "a lease's account"));
  require(account != 0, "a lease's account");
  const std::uint32_t symbol = reader.small(kSymbolMax, "a lease's symbol");
  require(book_of(symbol) != nullptr, "a lease's symbol");
  const std::uint32_t holding = accounts_.find_or_add_holding(account, symbol);
  require(accounts_.holding(holding).lease == 0, "a lease that is there twice");
  Lease& lease = accounts_.find_or_add_lease(holding);
  lease.version = reader.number(1, INT64_MAX, "a lease's version");
  for (std::int64_t& granted : lease.granted) granted = reader.number(0, INT64_MAX, "a lease's grant");
  lease.price_high = reader.number(0, kPriceMax, "a lease's price");
  lease.orders_max = reader.number(0, INT64_MAX, "a lease's number of orders");
  lease.expires_at_ns = reader.number(0, INT64_MAX, "a lease's end");
  for (const std::size_t side : {0, 1}) lease.filled[side] = reader.number(0, INT64_MAX, "a lease's fills");
  for (const std::size_t side : {0, 1}) {
    const auto high = static_cast<Wide>(reader.number(0, INT64_MAX, "a lease's notional"));
    lease.notional[side] = high << 64 | reader.word();
    require(lease.notional[side] <= Wide{kPriceMax} * lease.filled[side], "a lease's notional");
  }
  for (int counted = 0; counted < 3; ++counted) reader.number();  // So are its open quantities and its orders.
}

void CoreState::restore_order(SnapshotReader& reader, SymbolBook& book) {
  Command command{};
  command.order_id = reader.word();
  const std::uint64_t entry = reader.word();
  command.price = reader.number(0, kPriceMax, "an order's price");
  const std::int64_t traded = reader.number(0, kQuantityMax, "an order's traded quantity");
  command.quantity = reader.number(1, kQuantityMax - traded, "an order's leaves");
  const std::int64_t shown = reader.number(0, command.quantity, "an order's shown quantity");
  command.account = reader.small(UINT32_MAX, "an order's account");
  command.session = reader.small(UINT32_MAX, "an order's session");
  const std::uint64_t packed = reader.word();
  const auto byte = [&](int place) { return static_cast<std::uint8_t>(packed >> (8 * place)); };
  command.side = static_cast<Side>(byte(0));
  command.type = static_cast<Type>(byte(1));
  command.time_in_force = static_cast<TimeInForce>(byte(2));
  command.flags = byte(3);
  command.self_trade = static_cast<SelfTrade>(byte(4));
  command.trigger = static_cast<Trigger>(byte(5));
  command.venue = byte(6);
  OrderTerms terms{};
  terms.stop_price = reader.number(0, kPriceMax, "an order's stop price");
  const std::int64_t trailing_price = reader.number(0, 2 * kPriceMax, "an order's trailing price");
  terms.display_quantity = reader.number(0, kQuantityMax, "an order's display quantity");
  terms.expire_at_ns = reader.number(0, INT64_MAX, "an order's expiry");
  terms.price_bound = reader.number(0, kPriceMax, "an order's price bound");
  require(readable(command) && (command.flags & kExtended) == 0, "an order's terms");
  require(byte(7) <= (command.venue != 0 ? 1 : 0), "an order's terms");
  const bool stays = command.time_in_force == TimeInForce::kGtc || command.time_in_force == TimeInForce::kGtd;
  require(command.venue != 0 || (stays && command.type != Type::kMarket), "an order that could not stay");
  require(command.price != 0 || !needs_price(command.type), "an order without a price");
  require(terms.stop_price != 0 || !is_dormant_type(command.type), "an order without a stop price");
  // What a venue made of an order is as it is: its parts are not shown here, nor does it trade here at its price.
  const bool here = command.venue == 0;
  require(!here || iceberg_ends(terms.display_quantity, traded + command.quantity), "an endless iceberg");

  const IdMap::Place place = ids_.find(command.order_id, pool_);
  require(command.order_id != 0 && place.index == 0, "an order id");
  require(entry != 0 && entry < next_entry_, "an order's entry number");
  const bool has_terms = terms.stop_price != 0 || terms.display_quantity != 0 || terms.expire_at_ns != 0 ||
                         terms.price_bound != 0 || is_dormant_type(command.type) ||
                         command.time_in_force == TimeInForce::kGtd;
  if (has_terms) command.flags |= kExtended;
  const std::uint32_t account = accounts_.find(command.account);
  require(account != 0 || (command.flags & kReduceOnly) == 0, "a reduce-only order of nobody");

  if ((command.flags & kLeased) != 0) {
    const Lease& lease = accounts_.lease_of(accounts_.find_holding(command.account, book.symbol));
    const std::size_t side = side_index(command.side);
    require(lease.version != 0 && command.quantity <= INT64_MAX - lease.used(side) &&
                (!here || command.price <= lease.price_high) && lease.live_orders < lease.orders_max,
            "an order beyond its lease");
  }

  const OrderIndex index = enter<false>(command, terms, book, account, place);
  Order& order = pool_[index];
  --next_entry_;  // It enters under its old number.
  order.set_entry(entry);
  order.set_traded(traded);
  require(fits(accounts_.holding(order.holding)), "a holding that does not fit");
  if (order.is(kExtended)) {
    pool_.cold(index).trailing_price = trailing_price;
    pool_.cold(index).accepted = byte(7);
  }
  if (command.venue != 0) return;
  if (order.dormant()) return wait_for_trigger(book, index, order);
  rest(book, index, order);
  if (terms.display_quantity == 0) return;
  require(shown > 0 && shown <= terms.display_quantity, "an order's shown quantity");
  pool_.cold(index).shown = shown;
}

}  // namespace book
