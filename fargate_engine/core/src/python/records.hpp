// The records and enumerations of book/messages.hpp as Python sees them.
#pragma once
#include <nanobind/nanobind.h>

namespace matching_core {

// Numpy's array type and its dtypes of the records, made once at import.
struct Numpy {
  nanobind::object array;
  nanobind::object command;
  nanobind::object instrument_command;
  nanobind::object account_command;
  nanobind::object holding_command;
  nanobind::object lease_command;
  nanobind::object event;
};

Numpy import_numpy();
void define_enumerations(nanobind::module_& module);

}  // namespace matching_core
