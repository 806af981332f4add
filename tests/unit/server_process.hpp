#pragma once
// Real servers as children of a test: started, signalled, stopped and cleaned up with the test.
#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace pulse::test {

/// A TCP port of 127.0.0.1 that nobody listens on right now.
inline int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd, generic, size) != 0 || ::getsockname(fd, generic, &size) != 0) {
    ::close(fd);
    throw std::runtime_error("no free port");
  }
  ::close(fd);
  return ntohs(address.sin_port);
}

/// A new directory below TMPDIR (or /var/tmp) that everyone may enter; removed with the object.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const std::string& prefix) {
    const char* base = std::getenv("TMPDIR");
    std::string name = std::string(base && *base ? base : "/var/tmp") + "/" + prefix + "-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("can't make a directory: " + name);
    path_ = name;
    std::filesystem::permissions(path_, std::filesystem::perms{0755});
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// One child process. It dies with the test, however the test ends.
class ServerProcess {
 public:
  /// `user`: run as that user when the test is root (empty: as the test). Output goes to
  /// `log_file`. `death_signal`: sent to it when the test dies.
  ServerProcess(const std::vector<std::string>& command, const std::string& user,
                const std::string& log_file, int death_signal) {
    std::vector<char*> argv;
    for (const auto& part : command) argv.push_back(const_cast<char*>(part.c_str()));
    argv.push_back(nullptr);
    const passwd* account = user.empty() || ::geteuid() != 0 ? nullptr : ::getpwnam(user.c_str());
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("can't fork");
    if (pid_ == 0) {
      const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
      ::dup2(log, 1);
      ::dup2(log, 2);
      for (int fd = 3; fd < 1024; ++fd) ::close(fd);
      if (account && (::initgroups(account->pw_name, account->pw_gid) != 0 ||
                      ::setgid(account->pw_gid) != 0 || ::setuid(account->pw_uid) != 0))
        ::_exit(126);
      ::setsid();  // a Ctrl-C of the terminal is for the test
      ::prctl(PR_SET_PDEATHSIG, death_signal);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }
  ~ServerProcess() { stop(SIGKILL); }
  ServerProcess(const ServerProcess&) = delete;

  bool running() {
    if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
    return pid_ > 0;
  }
  void signal(int number) {
    if (pid_ > 0) ::kill(pid_, number);
  }
  /// SIGSTOP, and waits until it stands.
  void freeze() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGSTOP);
    ::waitpid(pid_, &status_, WUNTRACED);
  }
  /// Signals it and waits for its end.
  void stop(int number) {
    if (pid_ <= 0) return;
    ::kill(pid_, number);
    ::kill(pid_, SIGCONT);
    ::waitpid(pid_, &status_, 0);
    pid_ = -1;
  }
  /// Waits for its end; the exit status.
  int wait() {
    if (pid_ > 0) ::waitpid(pid_, &status_, 0);
    pid_ = -1;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
  }

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

inline std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Polls `ready` every few milliseconds; false when `limit` passed before.
inline bool wait_until(const std::function<bool()>& ready,
                       std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!ready()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace pulse::test
