// As much of a test framework as these tests need: TEST("a sentence") { CHECK(...); }
#pragma once
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace test {

struct Case {
  const char* name;
  void (*run)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

struct Registration {
  Registration(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void check(bool holds, const char* what, const char* file, int line) {
  if (!holds) throw Failed(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

}  // namespace test

#define TEST_JOIN(a, b) a##b
#define TEST_NAME(a, b) TEST_JOIN(a, b)
#define TEST(sentence)                                                                                               \
  static void TEST_NAME(run_, __LINE__)();                                                                           \
  static const test::Registration TEST_NAME(registration_, __LINE__){sentence, TEST_NAME(run_, __LINE__)};           \
  static void TEST_NAME(run_, __LINE__)()
#define CHECK(condition) test::check((condition), #condition, __FILE__, __LINE__)
