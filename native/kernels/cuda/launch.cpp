#include "launch.h"

#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <map>
#include <memory>
#include <mutex>

#include "../../failure.h"
#include "compiler.h"
#include "driver.h"

namespace switchyard::kernels::cuda {
namespace {

/// The kernels of one GPU. They stay until the process ends, as the GPU's context does.
class Loaded {
 public:
  explicit Loaded(c10::Device gpu) : gpu(gpu), driver(Driver::library()) {
    CUdevice device = 0;
    int major = 0, minor = 0;
    driver.check(driver.deviceGet(&device, gpu.index()));
    driver.check(driver.deviceAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device));
    driver.check(driver.deviceAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device));
    const auto& compiler = Compiler::library();
    const auto architecture = architectureFor(10 * major + minor, compiler.capabilities());
    if (architecture.empty()) throw Failure("NVIDIA's run-time compiler makes no code for GPUs this old.", std::to_string(major) + "." + std::to_string(minor), FailureKind::device);
    const auto code = compiler.compile(architecture);
    driver.check(driver.retainPrimaryContext(&context, device));
    const ContextGuard guard(context);
    CUmodule module = nullptr;
    driver.check(driver.loadModule(&module, code.data()));
    // Looking a function up loads it, which can't be done while a step is captured.
    for (const char* name : KERNELS) driver.check(driver.getFunction(&functions[name], module, name));
  }

  void launch(const std::string& kernel, std::int64_t threads, void** arguments) const {
    const auto blocks = static_cast<unsigned>((threads + THREADS - 1) / THREADS);
    const auto stream = c10::impl::VirtualGuardImpl(gpu.type()).getStream(gpu);
    const ContextGuard guard(context);
    driver.check(driver.launch(functions.at(kernel), blocks, 1, 1, THREADS, 1, 1, 0, static_cast<CUstream>(stream.native_handle()), arguments, nullptr));
  }

 private:
  c10::Device gpu;
  const Driver& driver;
  CUcontext context = nullptr;
  std::map<std::string, CUfunction> functions;
};

struct Attempt {
  std::unique_ptr<Loaded> loaded;
  std::string reason;
};

Attempt attempt(c10::Device gpu) {
  try {
    return {std::make_unique<Loaded>(gpu), ""};
  } catch (const Failure& failure) {
    return {nullptr, failure.what() + (failure.detail.empty() ? "" : " (" + failure.detail + ")")};
  } catch (const c10::Error& error) {
    return {nullptr, error.what_without_backtrace()};
  }
}

const Attempt& on(c10::Device gpu) {
  static std::mutex mutex;
  static std::map<c10::DeviceIndex, Attempt> attempts;
  const std::scoped_lock lock(mutex);
  const auto found = attempts.find(gpu.index());
  return found != attempts.end() ? found->second : attempts.emplace(gpu.index(), attempt(gpu)).first->second;
}

}  // namespace

std::string prepare(c10::Device gpu) { return on(gpu).reason; }

Launch launchOn(c10::Device gpu) {
  const auto* loaded = on(gpu).loaded.get();
  if (!loaded) return nullptr;
  return [loaded](const std::string& kernel, std::int64_t threads, void** arguments) { loaded->launch(kernel, threads, arguments); };
}

}  // namespace switchyard::kernels::cuda
