#pragma once
// A mail server that takes emails on a thread of its own and keeps them (RFC 5321, the plain part).
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace pulse::test {

/// An email as it came over the wire.
struct TakenEmail {
  std::string from, data;
  std::vector<std::string> to;

  /// A header's value with its folds joined; "" when there is none.
  std::string header(const std::string& name) const {
    const auto head = "\r\n" + data.substr(0, data.find("\r\n\r\n"));
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    auto end = at + 2;
    do end = head.find("\r\n", end + 2);
    while (end != std::string::npos && (head[end + 2] == ' ' || head[end + 2] == '\t'));
    const auto start = at + 2 + name.size() + 2;
    return head.substr(start, end == std::string::npos ? end : end - start);
  }
  /// A part of the message, decoded: 0 is the plain text, 1 the HTML.
  std::string part(int number) const {
    const std::string field = "Content-Transfer-Encoding: ";
    auto at = data.find(field);
    while (number-- > 0 && at != std::string::npos) at = data.find(field, at + 1);
    if (at == std::string::npos) return {};
    const auto start = data.find("\r\n\r\n", at) + 4;
    const auto body = data.substr(start, data.find("\r\n--part_", start) - start);
    if (data.compare(at + field.size(), 6, "quoted") != 0) return body;
    std::string out;
    for (std::size_t i = 0; i < body.size(); ++i) {
      if (body[i] != '=') {
        out += body[i];
        continue;
      }
      const auto code = body.substr(i + 1, 2);
      if (code != "\r\n") out += static_cast<char>(std::stoi(code, nullptr, 16));
      i += 2;
    }
    return out;
  }
  std::string text() const { return part(0); }
  std::string html() const { return part(1); }
  /// The link of the text that starts so.
  std::string link(const std::string& start) const {
    const auto words = text();
    const auto at = words.find(start);
    return at == std::string::npos ? "" : words.substr(at, words.find_first_of(" \r\n", at) - at);
  }
};

/// How the server behaves.
enum class SmtpMood { takes, refuses_recipient, hangs };

class SmtpCapture {
 public:
  explicit SmtpCapture(SmtpMood mood = SmtpMood::takes) : mood_(mood) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("the capture server can't listen");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~SmtpCapture() {
    stopping_ = true;
    thread_.join();
    ::close(listener_);
  }
  SmtpCapture(const SmtpCapture&) = delete;

  int port() const { return port_; }
  std::vector<TakenEmail> emails() const {
    const std::lock_guard lock(mutex_);
    return emails_;
  }
  /// The first commands of the last client.
  std::vector<std::string> commands() const {
    const std::lock_guard lock(mutex_);
    return commands_;
  }

 private:
  bool readable(int socket) const {
    while (!stopping_) {
      pollfd wait{socket, POLLIN, 0};
      if (::poll(&wait, 1, 20) > 0) return true;
    }
    return false;
  }
  void serve() {
    while (readable(listener_)) {
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      converse(client);
      ::close(client);
    }
  }
  /// Reads on until `end` is there; "" when the client is gone.
  std::string read_until(int client, std::string& buffer, const std::string& end) const {
    while (buffer.find(end) == std::string::npos) {
      char bytes[4096];
      if (!readable(client)) return {};
      const auto size = ::recv(client, bytes, sizeof bytes, 0);
      if (size <= 0) return {};
      buffer.append(bytes, static_cast<std::size_t>(size));
    }
    const auto at = buffer.find(end) + end.size();
    auto out = buffer.substr(0, at);
    buffer.erase(0, at);
    return out;
  }
  static void say(int client, const std::string& text) {
    const auto line = text + "\r\n";
    if (::send(client, line.data(), line.size(), MSG_NOSIGNAL) < 0) return;
  }
  static std::string in_brackets(const std::string& line) {
    const auto open = line.find('<');
    return line.substr(open + 1, line.find('>') - open - 1);
  }
  void converse(int client) {
    std::string buffer;
    if (mood_ == SmtpMood::hangs) {
      read_until(client, buffer, "never said");
      return;
    }
    say(client, "220 capture");
    TakenEmail email;
    {
      const std::lock_guard lock(mutex_);
      commands_.clear();
    }
    for (;;) {
      const auto line = read_until(client, buffer, "\r\n");
      if (line.empty()) return;
      {
        const std::lock_guard lock(mutex_);
        commands_.push_back(line.substr(0, line.size() - 2));
      }
      const auto verb = line.substr(0, 4);
      if (verb == "EHLO") {
        say(client, "250-capture");
        say(client, "250 AUTH PLAIN");
      } else if (verb == "AUTH") {
        say(client, "334 ");
        read_until(client, buffer, "\r\n");
        say(client, "235 welcome");
      } else if (verb == "MAIL") {
        email = {};
        email.from = in_brackets(line);
        say(client, "250 ok");
      } else if (verb == "RCPT") {
        email.to.push_back(in_brackets(line));
        say(client, mood_ == SmtpMood::refuses_recipient ? "550 no such mailbox" : "250 ok");
      } else if (verb == "DATA") {
        say(client, "354 go on");
        email.data = read_until(client, buffer, "\r\n.\r\n");
        email.data.resize(email.data.size() - 3);
        const std::lock_guard lock(mutex_);
        emails_.push_back(email);
        say(client, "250 taken");
      } else if (verb == "QUIT") {
        say(client, "221 bye");
        return;
      } else {
        say(client, "502 not known");
      }
    }
  }

  SmtpMood mood_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<TakenEmail> emails_;
  std::vector<std::string> commands_;
  std::thread thread_;
};

}  // namespace pulse::test
