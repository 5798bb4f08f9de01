#include "work.h"

#include <atomic>

#include "../failure.h"

namespace switchyard::addon {
namespace {

std::atomic<int> jobsInProgress = 0;

}  // namespace

bool WorkThread::anyWorks() { return jobsInProgress > 0; }

struct WorkThread::Task {
  Task(Napi::Env env, Job job, std::shared_ptr<void> keep) : job(std::move(job)), keep(std::move(keep)), deferred(Napi::Promise::Deferred::New(env)) {}
  Job job;
  std::shared_ptr<void> keep;
  Napi::Promise::Deferred deferred;
  Answer answer;
  std::exception_ptr failure;
  Napi::TypedThreadSafeFunction<std::nullptr_t, Task, &WorkThread::settle> toJavaScript;
};

// One function for both calls: Node finds the hook to remove by its address.
void WorkThread::environmentEnds(void* self) { static_cast<WorkThread*>(self)->stop(); }

WorkThread::WorkThread(Napi::Env env) : environment(env) { napi_add_env_cleanup_hook(environment, environmentEnds, this); }

WorkThread::~WorkThread() {
  napi_remove_env_cleanup_hook(environment, environmentEnds, this);
  stop();
}

Napi::Promise WorkThread::run(Napi::Env env, Job job, std::shared_ptr<void> keep) {
  auto task = std::make_unique<Task>(env, std::move(job), std::move(keep));
  const auto promise = task->deferred.Promise();
  // One a job: while it lives, the event loop does too.
  task->toJavaScript = decltype(task->toJavaScript)::New(env, "switchyard", 1, 1);
  const std::lock_guard lock(mutex);
  waiting.push_back(std::move(task));
  if (!thread.joinable()) thread = std::thread([this] { work(); });
  wake.notify_one();
  return promise;
}

void WorkThread::work() {
  while (true) {
    std::unique_ptr<Task> task;
    {
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return stopping || !waiting.empty(); });
      if (stopping) return;
      task = std::move(waiting.front());
      waiting.pop_front();
    }
    ++jobsInProgress;
    try {
      task->answer = task->job();
    } catch (...) {
      task->failure = std::current_exception();
    }
    --jobsInProgress;
    const auto toJavaScript = task->toJavaScript;
    if (toJavaScript.BlockingCall(task.get()) == napi_ok) {
      task.release();
      toJavaScript.Release();
    } else {
      const std::lock_guard lock(mutex);
      unsettled.push_back(std::move(task));
    }
  }
}

void WorkThread::stop() {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  wake.notify_one();
  if (thread.joinable()) thread.join();
  // A task may keep the owner of this thread, which then ends with the last of them: from here on nothing of `this` is touched.
  const auto begun = std::move(unsettled);
  const auto notBegun = std::move(waiting);
}

void WorkThread::settle(Napi::Env env, Napi::Function, std::nullptr_t*, Task* raw) {
  const std::unique_ptr<Task> task(raw);
  if (static_cast<napi_env>(env) == nullptr) return;
  try {
    if (!task->failure) {
      try {
        task->deferred.Resolve(task->answer(env));
        return;
      } catch (...) {
        task->failure = std::current_exception();
      }
    }
    task->deferred.Reject(toError(env, task->failure).Value());
  } catch (const Napi::Error&) {
    // The environment is being ended and runs no more JavaScript: nobody waits for the answer.
  }
}

/// `code` of the JavaScript error; null for none.
static const char* codeOf(FailureKind kind) {
  switch (kind) {
    case FailureKind::memory: return "memory";
    case FailureKind::device: return "device";
    case FailureKind::diskFull: return "disk-full";
    case FailureKind::checkpoint: return "checkpoint";
    case FailureKind::mesh: return "mesh";
    case FailureKind::other: break;
  }
  return nullptr;
}

Napi::Error toError(Napi::Env env, std::exception_ptr failure) {
  std::string sentence, detail;
  const char* code = nullptr;
  try {
    std::rethrow_exception(failure);
  } catch (const Napi::Error& error) {
    return error;
  } catch (const Failure& error) {
    sentence = error.what();
    detail = error.detail;
    code = codeOf(error.kind);
  } catch (const std::exception& error) {
    sentence = "The engine failed in a way it does not know; the detail says more.";
    detail = error.what();
  } catch (...) {
    sentence = "The engine failed in a way it does not know.";
  }
  auto error = Napi::Error::New(env, sentence);
  if (!detail.empty()) error.Value().Set("cause", detail);
  if (code != nullptr) error.Value().Set("code", code);
  return error;
}

Napi::Promise rejected(Napi::Env env, std::exception_ptr failure) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  deferred.Reject(toError(env, failure).Value());
  return deferred.Promise();
}

}  // namespace switchyard::addon
