// libFuzzer target: hostile commands, then snapshots that are whole, cut, and changed. Anything but an answer is a bug.
#include <cstdlib>
#include <vector>

#include "book/core.hpp"
#include "command_source.hpp"
#include "state_words.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void restored_is_the_same(const book::Core& core, const std::vector<std::uint8_t>& snapshot) {
  const book::Core restored = book::Core::restore(snapshot.data(), snapshot.size(), {64, 1'024});
  require(restored.state_hash() == core.state_hash() && restored.snapshot() == snapshot);
}

// The one thing a lease promises.
void leases_hold(const book::Core& core) {
  book::LeaseState lease;
  for (std::uint32_t account = 0; account < 5; ++account) {
    for (std::uint32_t symbol = 1; symbol <= 2; ++symbol) {
      if (!core.lease(account, symbol, lease)) continue;
      require(lease.buy_open >= 0 && lease.sell_open >= 0 && lease.live_orders >= 0);
      require(lease.buy_filled <= lease.buy_granted - lease.buy_open);
      require(lease.sell_filled <= lease.sell_granted - lease.sell_open);
    }
  }
}

// With the right hash at its end, so that what is judged is what it says.
void sign(std::vector<std::uint8_t>& snapshot) {
  book::StateHash hash;
  const std::size_t words = snapshot.size() / 8;
  const auto word_at = [&](std::size_t at) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i) word |= std::uint64_t{snapshot[at * 8 + i]} << (8 * i);
    return word;
  };
  for (std::size_t at = 0; at + 1 < words; ++at) hash.add(word_at(at));
  for (std::size_t i = 0; i < 8; ++i) {
    snapshot[(words - 1) * 8 + i] = static_cast<std::uint8_t>(hash.value() >> (8 * i));
  }
}

// What passes for a snapshot must also work as a core.
void restore_hostile(const std::vector<std::uint8_t>& snapshot, fuzz::Bytes& bytes) {
  try {
    book::Core core = book::Core::restore(snapshot.data(), snapshot.size(), {64, 1'024});
    book::EventBuffer events;
    std::int64_t time = core.now();
    for (int i = 0; i < 8; ++i) {
      const book::Command command = fuzz::make_command(bytes, time);
      core.apply(&command, 1, events);
    }
    leases_hold(core);
  } catch (const book::BadSnapshot&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  book::Core core({64, 1'024});
  book::EventBuffer events;
  std::int64_t time = 0;
  for (std::uint32_t symbol = 1; symbol <= 2; ++symbol) {
    book::Command list{};
    list.kind = book::Kind::kListInstrument;
    list.symbol = symbol;
    list.instrument = {1, 1, 0, 0, 0, 0, 0, 0};
    core.apply(&list, 1, events);
  }
  for (std::uint32_t account = 1; account <= fuzz::kKnownAccounts; ++account) {
    const book::Command known = fuzz::know(account);
    core.apply(&known, 1, events);
  }
  const std::uint8_t cut = bytes.byte(), changed = bytes.byte(), bits = bytes.byte();
  while (!bytes.empty()) {
    const book::Command command = fuzz::make_command(bytes, time);
    events.clear();
    core.apply(&command, 1, events);
  }
  leases_hold(core);
  std::vector<std::uint8_t> snapshot = core.snapshot();
  restored_is_the_same(core, snapshot);
  fuzz::Bytes again(data, size);
  restore_hostile({snapshot.begin(), snapshot.begin() + static_cast<std::ptrdiff_t>(snapshot.size() * cut / 256)}, again);
  snapshot[snapshot.size() * changed / 256] ^= bits;
  restore_hostile(snapshot, again);
  sign(snapshot);
  restore_hostile(snapshot, again);
  return 0;
}
