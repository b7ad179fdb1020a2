// How native functions report failure.

#pragma once

#include <exception>
#include <string>

inline const char *remember(std::string message) {
  thread_local std::string failure;
  failure = std::move(message);
  return failure.c_str();
}

// Runs `work`; null, or the message of the exception that it threw, valid until the next call on the same thread.
template <typename Work>
const char *guarded(Work work) {
  try {
    work();
    return nullptr;
  } catch (const std::exception &error) {
    return remember(error.what());
  } catch (...) {
    return remember("an exception of an unknown type");
  }
}
