#include <random>

#include "../fuzz/command_source.hpp"
#include "check.hpp"
#include "market.hpp"

using namespace test;

namespace {

std::vector<Command> random_commands(std::uint64_t seed, std::size_t count) {
  std::mt19937_64 random(seed);
  std::vector<std::uint8_t> noise(count * 64);
  for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random());
  fuzz::Bytes bytes(noise.data(), noise.size());
  std::vector<Command> commands;
  for (std::uint32_t number = 1; number <= fuzz::kKnownAccounts; ++number) commands.push_back(fuzz::know(number));
  std::int64_t time = 0;
  while (commands.size() < count) commands.push_back(fuzz::make_command(bytes, time));
  return commands;
}

bool same(const EventBuffer& a, const EventBuffer& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Event)) == 0;
}

bool refused(const std::vector<std::uint8_t>& bytes, Capacity capacity = {64, 1'024}) {
  try {
    Core::restore(bytes.data(), bytes.size(), capacity);
  } catch (const BadSnapshot&) {
    return true;
  }
  return false;
}

}  // namespace

TEST("the same commands give the same events, hash and snapshot in one batch and one by one") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const auto commands = random_commands(seed, 5'000);
    Market batch, single;
    EventBuffer of_batch, of_single;
    batch.core.apply(commands.data(), commands.size(), of_batch);
    for (const Command& one : commands) single.core.apply(&one, 1, of_single);
    CHECK(of_batch.size() == of_single.size() && of_batch.size() > 3'000);
    CHECK(batch.core.state_hash() == single.core.state_hash() && batch.core.snapshot() == single.core.snapshot());
  }
}

TEST("a restored core goes on exactly as the first would have") {
  for (std::uint64_t seed = 11; seed <= 20; ++seed) {
    const auto commands = random_commands(seed, 2'000);
    Market m;
    EventBuffer events;
    m.core.apply(commands.data(), 1'000, events);
    const auto snapshot = m.core.snapshot();
    Core restored = Core::restore(snapshot.data(), snapshot.size());
    CHECK(restored.state_hash() == m.core.state_hash() && restored.snapshot() == snapshot);
    EventBuffer first, second;
    m.core.apply(commands.data() + 1'000, 1'000, first);
    restored.apply(commands.data() + 1'000, 1'000, second);
    CHECK(same(first, second) && restored.state_hash() == m.core.state_hash());
  }
}

TEST("a truncated snapshot is refused at any length") {
  Market m;
  m.send(account(9));
  m.send(with(buy(1, 5, 100)).account(9));
  const auto snapshot = m.core.snapshot();
  for (std::size_t size = 0; size < snapshot.size(); ++size) {
    CHECK(refused({snapshot.begin(), snapshot.begin() + static_cast<std::ptrdiff_t>(size)}));
  }
  CHECK(!refused(snapshot));
}

TEST("a snapshot with any one bit changed is refused") {
  Market m;
  m.send(account(9));
  m.send(with(buy(1, 5, 100)).account(9));
  m.send(with(sell(2, 50, 101)).display(5));
  m.send(lease(9, {1, 5, 5, 200, 5, 1, {}}));
  m.send(with(sell(3, 5, 101)).account(9).flag(kLeased));
  auto snapshot = m.core.snapshot();
  for (std::size_t bit = 0; bit < snapshot.size() * 8; ++bit) {
    snapshot[bit / 8] = static_cast<std::uint8_t>(snapshot[bit / 8] ^ (1u << bit % 8));
    CHECK(refused(snapshot));
    snapshot[bit / 8] = static_cast<std::uint8_t>(snapshot[bit / 8] ^ (1u << bit % 8));
  }
}

TEST("a snapshot of more orders than the core has room for is refused") {
  Market m;
  m.send(buy(1, 5, 100));
  m.send(buy(2, 5, 100));
  CHECK(refused(m.core.snapshot(), {1, 1}) && !refused(m.core.snapshot(), {1, 2}));
}

TEST("the state hash sees every part of the state") {
  const auto hash_after = [](const Command& last) {
    Market m;
    m.send(account(9));
    m.send(with(buy(1, 5, 100)).account(9).session(1));
    m.send(last);
    return m.core.state_hash();
  };
  const std::uint64_t base = hash_after(command(Kind::kAdvanceTime));
  std::vector<std::uint64_t> hashes{base};
  for (const Command& last : {static_cast<Command>(with(command(Kind::kAdvanceTime)).at(5)), mark(3), mark(4),
                              holding(9, 1), holding(9, 0, 7), lease(9, {1, 0, 0, 0, 0, 0, {}}),
                              lease(9, {1, 0, 0, 0, 0, 7, {}}), lease(9, {1, 0, 1, 0, 0, 0, {}}), replace(1, 4, 100), of_symbol(Kind::kHalt),
                              of_symbol(Kind::kStartAuction), buy(2, 5, 100), sell(2, 5, 101), cancel(1)}) {
    hashes.push_back(hash_after(last));
  }
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) CHECK(hashes[i] != hashes[j]);
  }
}
