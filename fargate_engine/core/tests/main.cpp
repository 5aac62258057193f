// Runs all tests, or those whose name contains the first argument.
#include <cstring>

#include "check.hpp"

int main(int argc, char** argv) {
  int failed = 0, run = 0;
  for (const test::Case& one : test::cases()) {
    if (argc > 1 && std::strstr(one.name, argv[1]) == nullptr) continue;
    ++run;
    try {
      one.run();
    } catch (const std::exception& error) {
      ++failed;
      std::printf("FAILED %s\n  %s\n", one.name, error.what());
    }
  }
  std::printf("%d tests, %d failed\n", run, failed);
  return failed == 0 && run > 0 ? 0 : 1;
}
