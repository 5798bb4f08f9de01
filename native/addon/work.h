// Work off the event loop: a thread that runs jobs in order and settles their promises on JavaScript's thread.
#pragma once

#include <napi.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace switchyard::addon {

/// Makes the JavaScript value of a finished job; called on JavaScript's thread.
using Answer = std::function<Napi::Value(Napi::Env)>;
/// Called on the work thread. What it throws rejects the promise.
using Job = std::function<Answer()>;

class WorkThread {
 public:
  /// To be made, called and destroyed on JavaScript's thread.
  explicit WorkThread(Napi::Env env);
  /// Waits for the job in progress; the promises of those not begun stay unsettled, which happens only as the environment ends.
  ~WorkThread();
  WorkThread(const WorkThread&) = delete;
  WorkThread& operator=(const WorkThread&) = delete;

  /// Whether a job is in progress on any of this process's work threads.
  static bool anyWorks();
  /// Appends a job. `keep` lives until the promise is settled, and is let go on JavaScript's thread.
  Napi::Promise run(Napi::Env env, Job job, std::shared_ptr<void> keep);

 private:
  struct Task;
  void work();
  void stop();
  static void environmentEnds(void* self);
  static void settle(Napi::Env env, Napi::Function, std::nullptr_t*, Task* task);

  napi_env environment;
  std::mutex mutex;
  std::condition_variable wake;
  // A task is destroyed on JavaScript's thread alone, because what it keeps may own this thread.
  std::deque<std::unique_ptr<Task>> waiting;
  std::vector<std::unique_ptr<Task>> unsettled;
  bool stopping = false;
  std::thread thread;
};

/// An Error whose message is the failure's sentence and whose `cause` holds the native detail.
Napi::Error toError(Napi::Env env, std::exception_ptr failure);

/// A promise rejected with the failure.
Napi::Promise rejected(Napi::Env env, std::exception_ptr failure);

}  // namespace switchyard::addon
