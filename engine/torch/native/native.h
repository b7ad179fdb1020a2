// How native functions report failure, and how kernels are compiled.

#pragma once

#include <exception>
#include <string>

// Compiles a function for several vector units, of which the processor's is chosen when the program starts.
#if defined(__x86_64__) && defined(__gnu_linux__)
#define VECTORIZED __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define VECTORIZED
#endif

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
