// What an idle client costs the server: many connections, and the difference in resident memory.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <thread>

#include "bench.hpp"
#include "platform/http/client.hpp"

namespace pulse::bench {

namespace {

void allow_many_files() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// VmRSS of a process, in KiB.
std::int64_t resident_kib(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  while (file >> word)
    if (word == "VmRSS:") {
      std::int64_t kib = 0;
      file >> kib;
      return kib;
    }
  throw std::runtime_error("--pid: no such process");
}

class Socket {
 public:
  Socket(const std::string& host, std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
      throw std::runtime_error(host + " is no IPv4 address");
    timeval timeout{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("no connection");
  }
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  void send(std::string_view bytes) {
    if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("the server closed the connection");
  }
  std::string receive() {
    std::string buffer(4'096, '\0');
    const auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
    buffer.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return buffer;
  }

 private:
  int fd_;
};

/// The first connections warm the server up (pools, arenas, caches); the rest are the measure.
template <class Open>
Report measure(const Args& args, std::int64_t n, Open open) {
  allow_many_files();
  const auto pid = args.number("pid", 0);
  const auto warm_up = std::min<std::int64_t>(n / 10, 100);
  std::vector<Socket> sockets;
  std::int64_t before = 0;
  for (std::int64_t i = 0; i < n + warm_up; ++i) {
    if (i == warm_up) {
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      before = resident_kib(pid);
    }
    sockets.push_back(open(i));
  }
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const auto after = resident_kib(pid);
  return {{"clients", n},
          {"rss_before_kib", before},
          {"rss_after_kib", after},
          {"kib_per_client", static_cast<double>(after - before) / static_cast<double>(n)}};
}

/// Two bytes of length and the text (MQTT 3.1.1, section 1.5.3).
std::string mqtt_string(const std::string& text) {
  return std::string{static_cast<char>(text.size() >> 8), static_cast<char>(text.size() & 0xff)} +
         text;
}

std::string mqtt_connect(const std::string& client_id, const std::string& user,
                         const std::string& password) {
  std::string rest = mqtt_string("MQTT") + '\x04' + '\xc2' + std::string(2, '\0') +
                     mqtt_string(client_id) + mqtt_string(user) + mqtt_string(password);
  std::string out = "\x10";
  std::size_t left = rest.size();
  do {
    const auto digit = left % 128;
    left /= 128;
    out += static_cast<char>(left > 0 ? digit | 0x80 : digit);
  } while (left > 0);
  return out + rest;
}

}  // namespace

Report bench_mqtt_memory(const Args& args) {
  const auto devices = read_devices(args);
  const auto host = environment("MQTT_HOST");
  const auto port = static_cast<std::uint16_t>(std::stoi(environment("MQTT_PORT")));
  return measure(args, args.number("clients", 10'000), [&](std::int64_t i) {
    const auto& d = devices[static_cast<std::size_t>(i) % devices.size()];
    Socket socket(host, port);
    socket.send(
        mqtt_connect("idle-" + std::to_string(i), d.tenant_id + "/" + d.device_id, d.token));
    const auto answer = socket.receive();
    if (answer.size() < 4 || answer[0] != '\x20' || answer[3] != 0)
      throw std::runtime_error("MQTT connection " + std::to_string(i) + " refused");
    return socket;
  });
}

Report bench_websocket_memory(const Args& args) {
  const auto url = http::parse_url(environment("PULSE_URL"));
  const auto request =
      "GET " + args.text("path", "/api/v1/customer/telemetry/stream") +
      " HTTP/1.1\r\nHost: " + url.host + ":" + std::to_string(url.port) +
      "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Protocol: bearer, " +
      args.text("token") + "\r\n\r\n";
  return measure(args, args.number("clients", 400), [&](std::int64_t i) {
    Socket socket(url.host, url.port);
    socket.send(request);
    const auto answer = socket.receive();
    if (!answer.starts_with("HTTP/1.1 101"))
      throw std::runtime_error("WebSocket " + std::to_string(i) +
                               " refused: " + answer.substr(0, answer.find('\r')));
    return socket;
  });
}

}  // namespace pulse::bench
