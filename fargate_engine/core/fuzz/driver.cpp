// Runs the fuzz target without libFuzzer: over the files that are named, or over random bytes of `seed` (default 1)
// `rounds` (default 1,000) times.
//   fuzz_core_driver FILE...        fuzz_core_driver --random [seed [rounds]]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--random") != 0) {
    for (int i = 1; i < argc; ++i) {
      std::ifstream file(argv[i], std::ios::binary);
      const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    }
    return 0;
  }
  std::mt19937_64 random(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  const long rounds = argc > 3 ? std::strtol(argv[3], nullptr, 10) : 1'000;
  for (long round = 0; round < rounds; ++round) {
    std::vector<std::uint8_t> bytes(random() % 8'192);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::printf("%ld rounds\n", rounds);
  return 0;
}
