// How much memory tensors take, as libtorch's allocators report it to profilers: on CPUs and GPUs alike.

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include "native.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>

namespace {

// The sum of what was taken and not given back since the start, and its maximum.
class Ledger : public c10::MemoryReportingInfoBase {
public:
  void reportMemoryUsage(void *, int64_t size, size_t, size_t, c10::Device) override {
    std::lock_guard<std::mutex> lock(mutex);
    now += size; // negative where memory is given back
    peak = std::max(peak, now);
  }

  bool memoryProfilingEnabled() const override { return true; }

  int64_t largest() {
    std::lock_guard<std::mutex> lock(mutex);
    return peak;
  }

private:
  std::mutex mutex; // threads of a parallel operation report too
  int64_t now = 0, peak = 0;
};

} // namespace

// Reports go to the ledger as long as it lives.
struct PleachLedger {
  std::shared_ptr<Ledger> ledger = std::make_shared<Ledger>();
  c10::DebugInfoGuard guard{c10::DebugInfoKind::PROFILER_STATE, ledger};
};

extern "C" {

// Begins to count what the calling thread takes from now on.
const char *pleach_memory_begin(PleachLedger **ledger) {
  return guarded([&] { *ledger = new PleachLedger; });
}

// Ends it, on the same thread, and answers with the largest sum of bytes that were taken at one time.
int64_t pleach_memory_end(PleachLedger *ledger) {
  int64_t peak = ledger->ledger->largest();
  delete ledger;
  return peak;
}
}
