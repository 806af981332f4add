// The endpoint with clients that we did not write: mosquitto_pub and mosquitto_sub (Debian package
// mosquitto-clients), over TCP and TLS; and our own client over TLS with a client certificate.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <future>

#include "mqtt_fixture.hpp"

namespace pulse::mqtt::test {
namespace {

struct Output {
  int status = -1;
  std::string text;
};

/// Runs a command on another thread and waits without blocking the loop.
Task<Output> shell(std::string command) {
  auto future = std::async(std::launch::async, [command] {
    Output output;
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    char buffer[4096];
    while (const auto n = std::fread(buffer, 1, sizeof buffer, pipe)) output.text.append(buffer, n);
    output.status = WEXITSTATUS(::pclose(pipe));
    return output;
  });
  co_await eventually([&] { return future.wait_for(0s) == std::future_status::ready; }, 30s);
  co_return future.get();
}

/// A self-signed certificate for 127.0.0.1 and its key, made anew.
class Certificate {
 public:
  explicit Certificate(const std::string& common_name) {
    char name[] = "/tmp/pulse-mqtt-test-XXXXXX";
    directory_ = ::mkdtemp(name);
    EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    X509* x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    auto* subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(x, subject);
    auto* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    X509_add_ext(x, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x, key, EVP_sha256());
    FILE* file = std::fopen(certificate().c_str(), "w");
    PEM_write_X509(file, x);
    std::fclose(file);
    file = std::fopen(this->key().c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(x);
    EVP_PKEY_free(key);
  }
  ~Certificate() { std::filesystem::remove_all(directory_); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  std::string certificate() const { return directory_ + "/cert.pem"; }
  std::string key() const { return directory_ + "/key.pem"; }

 private:
  std::string directory_;
};

struct Dialect {
  std::string version;
  int qos;
};

class Mosquitto : public EndpointTest, public ::testing::WithParamInterface<Dialect> {
 public:
  void SetUp() override {
    ASSERT_EQ(std::system("command -v mosquitto_pub >/dev/null"), 0)
        << "mosquitto-clients is not installed";
  }
  std::string arguments(std::uint16_t to) const {
    return " -h 127.0.0.1 -p " + std::to_string(to) + " -u ann -P secret -V " + GetParam().version +
           " -q " + std::to_string(GetParam().qos) + " ";
  }
};

INSTANTIATE_TEST_SUITE_P(Mqtt, Mosquitto,
                         ::testing::Values(Dialect{"mqttv311", 0}, Dialect{"mqttv311", 1},
                                           Dialect{"mqttv311", 2}, Dialect{"mqttv5", 0},
                                           Dialect{"mqttv5", 1}, Dialect{"mqttv5", 2}),
                         [](const auto& info) {
                           return info.param.version + "_qos" + std::to_string(info.param.qos);
                         });

TEST_P(Mosquitto, Publishes) {
  start();
  run([&]() -> Task<> {
    const auto one =
        co_await shell("mosquitto_pub" + arguments(port) + "-t in/one -m hello -i pub -r");
    EXPECT_EQ(one.status, 0) << one.text;
    const auto many =
        co_await shell("seq 1 2000 | mosquitto_pub" + arguments(port) + "-t in/many -l");
    EXPECT_EQ(many.status, 0) << many.text;
    EXPECT_TRUE(co_await eventually([&] { return ended.size() == 2; }));
  }());
  ASSERT_EQ(received.size(), 2001u);
  EXPECT_EQ(received[0].payload, "hello");
  EXPECT_TRUE(received[0].retain);
  EXPECT_EQ(static_cast<int>(received[0].qos), GetParam().qos);
  for (int i = 1; i <= 2000; ++i) EXPECT_EQ(received[i].payload, std::to_string(i));
  EXPECT_EQ(ended[0].cause.kind, DisconnectCause::Kind::client);
  EXPECT_EQ(ended[0].info.client_id, "pub");
}

TEST_P(Mosquitto, IsToldWhatIsWrong) {
  start();
  run([&]() -> Task<> {
    const auto port_text = std::to_string(port);
    const auto wrong = co_await shell("mosquitto_pub -h 127.0.0.1 -p " + port_text + " -V " +
                                      GetParam().version + " -u ann -P wrong -t in/x -m y");
    EXPECT_NE(wrong.status, 0);
    // The client's own words for each version.
    const bool v5 = GetParam().version == "mqttv5";
    const auto words = v5 ? "Bad User Name or Password" : "bad user name or password";
    EXPECT_NE(wrong.text.find(words), std::string::npos) << wrong.text;
    const auto refused =
        co_await shell("timeout 10 mosquitto_sub" + arguments(port) + "-t in/x -C 1 -W 2");
    EXPECT_NE(refused.text.find("subscription requests were denied"), std::string::npos)
        << refused.text;
  }());
  EXPECT_TRUE(received.empty());
}

TEST_P(Mosquitto, Subscribes) {
  hooks.subscribed = [&](const SessionRef& session, std::string_view) {
    for (int i = 0; i < 100; ++i) {
      Message m;
      m.topic = "out/x";
      m.payload = "m" + std::to_string(i);
      m.qos = static_cast<Qos>(GetParam().qos);
      m.retain = i == 0;
      EXPECT_EQ(endpoint->deliver(session, m).taken, 1u);
    }
  };
  start();
  run([&]() -> Task<> {
    const auto got = co_await shell("timeout 20 mosquitto_sub" + arguments(port) +
                                    "-t 'out/#' -C 100 -F '%r %q %p'");
    EXPECT_EQ(got.status, 0) << got.text;
    const auto qos = std::to_string(GetParam().qos);
    EXPECT_EQ(got.text.substr(0, 7), "1 " + qos + " m0\n");
    EXPECT_NE(got.text.find("0 " + qos + " m99\n"), std::string::npos) << got.text;
  }());
}

TEST_P(Mosquitto, PublishesOverTls) {
  const Certificate server("localhost");
  start();
  const auto tls = endpoint->listen_tls("127.0.0.1", 0, {server.certificate(), server.key(), ""});
  run([&]() -> Task<> {
    const auto sent = co_await shell("seq 1 500 | mosquitto_pub" + arguments(tls) + "--cafile " +
                                     server.certificate() + " -t in/x -l");
    EXPECT_EQ(sent.status, 0) << sent.text;
    EXPECT_TRUE(co_await eventually([&] { return received.size() == 500; }));
    const auto plain = co_await shell("timeout 5 mosquitto_pub" + arguments(tls) + "-t in/x -m y");
    EXPECT_NE(plain.status, 0);
    EXPECT_EQ(sessions.at(0).info().protocol, Protocol::tls);
  }());
  EXPECT_EQ(received.size(), 500u);
}

using MqttTls = EndpointTest;

TEST_F(MqttTls, AStalledHandshakeEndsAndHoldsUpNobody) {
  const Certificate server("localhost");
  limits.connect_timeout = 200ms;
  start();
  const auto tls = endpoint->listen_tls("127.0.0.1", 0, {server.certificate(), server.key(), ""});
  run([&]() -> Task<> {
    RawPeer silent(io, tls), half(io, tls), plain(io, tls);
    co_await silent.open();
    co_await half.open();
    co_await plain.open();
    // The beginning of a ClientHello of 508 bytes.
    const std::string begun("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
    co_await half.send(begun);
    // Who speaks MQTT where TLS is spoken is told by TLS that this is none.
    co_await plain.send(connect_bytes(Version::v5));
    auto o = options(Version::v5);
    o.tls = true;
    o.port = tls;
    o.tls_ca_file = server.certificate();
    auto c = client();
    co_await c->connect(o);
    EXPECT_TRUE((co_await c->publish("in/x", "y")).ok());
    EXPECT_EQ(co_await silent.receive(), "");
    EXPECT_TRUE(silent.closed);
    EXPECT_EQ(co_await half.receive(), "");
    EXPECT_TRUE(half.closed);
    co_await plain.receive();
    EXPECT_TRUE(plain.closed);
    EXPECT_TRUE((co_await c->publish("in/x", "z")).ok());
    co_await c->disconnect();
  }());
  EXPECT_EQ(endpoint->stats().tls_failures.get() + endpoint->stats().connect_timeouts.get(), 3u);
}

TEST_F(MqttTls, TheNameIsVerifiedWhicheverAddressIsCalled) {
  const Certificate server("localhost");
  start();
  const auto tls = endpoint->listen_tls("127.0.0.1", 0, {server.certificate(), server.key(), ""});
  run([&]() -> Task<> {
    auto o = options(Version::v5);
    o.tls = true;
    o.port = tls;
    o.tls_ca_file = server.certificate();
    o.tls_server_name = "localhost";
    auto c = client();
    EXPECT_EQ((co_await c->connect(o)).reason, Reason::success);
    co_await c->disconnect();
    // The certificate is good for the address, but not for this name.
    o.tls_server_name = "broker.example";
    auto other = client();
    bool refused = false;
    try {
      co_await other->connect(o);
    } catch (const std::runtime_error&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
  }());
}

TEST_F(MqttTls, AnyClientCertificateIsNamedWhereTheOwnerJudges) {
  const Certificate server("localhost"), device("acme/pump-1");
  std::vector<std::string> names;
  hooks.authenticate = [&](const ConnectInfo& info) -> Task<AuthResult> {
    names.push_back(info.peer_cert_cn + " " + std::to_string(info.peer_cert_fingerprint.size()));
    AuthResult result;
    result.principal.name = "ann";
    co_return result;
  };
  start();
  TlsFiles files;
  files.certificate_chain_file = server.certificate();
  files.private_key_file = server.key();
  files.any_client_certificate = true;
  const auto tls = endpoint->listen_tls("127.0.0.1", 0, files);
  run([&]() -> Task<> {
    auto o = options(Version::v5);
    o.tls = true;
    o.port = tls;
    o.tls_ca_file = server.certificate();
    auto c = client();
    EXPECT_EQ((co_await c->connect(o)).reason, Reason::success);
    co_await c->disconnect();
    o.tls_certificate_file = device.certificate();
    o.tls_key_file = device.key();
    EXPECT_EQ((co_await c->connect(o)).reason, Reason::success);
    co_await c->disconnect();
  }());
  EXPECT_EQ(names, (std::vector<std::string>{" 0", "acme/pump-1 64"}));
}

TEST_F(MqttTls, ClientCertificatesAreVerifiedAndNamed) {
  const Certificate server("localhost"), device("acme/pump-1"), stranger("acme/pump-1");
  std::vector<std::string> names;
  hooks.authenticate = [&](const ConnectInfo& info) -> Task<AuthResult> {
    names.push_back(info.peer_cert_cn + " " + std::to_string(info.peer_cert_fingerprint.size()));
    AuthResult result;
    result.principal.name = "ann";
    co_return result;
  };
  start();
  const auto tls = endpoint->listen_tls("127.0.0.1", 0,
                                        {server.certificate(), server.key(), device.certificate()});
  run([&]() -> Task<> {
    auto o = options(Version::v5);
    o.tls = true;
    o.port = tls;
    o.tls_ca_file = server.certificate();
    auto c = client();
    co_await c->connect(o);
    std::string got;
    c->on_message([&](const ClientMessage& m) { got = m.payload; });
    const std::string large(50'000, 'x');
    EXPECT_TRUE((co_await c->publish("in/x", large)).ok());
    co_await c->subscribe("out/x", Qos::at_least_once);
    Message m;
    m.topic = "out/x";
    m.payload = std::string(200'000, 'y');
    endpoint->deliver("ann", m);
    EXPECT_TRUE(co_await eventually([&] { return got == m.payload; }));
    co_await c->disconnect();

    o.tls_certificate_file = device.certificate();
    o.tls_key_file = device.key();
    EXPECT_EQ((co_await c->connect(o)).reason, Reason::success);
    co_await c->disconnect();

    o.tls_certificate_file = stranger.certificate();
    o.tls_key_file = stranger.key();
    bool refused = false;
    try {
      co_await c->connect(o);
    } catch (const std::exception&) {
      refused = true;
    }
    EXPECT_TRUE(refused);

    o.tls_certificate_file.clear();
    o.tls_ca_file = device.certificate();
    bool distrusted = false;
    try {
      co_await c->connect(o);
    } catch (const std::exception& error) {
      distrusted = std::string(error.what()).find("certificate") != std::string::npos;
    }
    EXPECT_TRUE(distrusted);
  }());
  EXPECT_EQ(names, (std::vector<std::string>{" 0", "acme/pump-1 64"}));
}

}  // namespace
}  // namespace pulse::mqtt::test
