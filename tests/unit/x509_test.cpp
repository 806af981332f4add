#include "platform/crypto/x509.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "platform/crypto/crypto.hpp"

namespace pulse::crypto {
namespace {

/// A folder with an authority that the openssl command made, and that command.
class X509Test : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/pulse-x509-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    write("ca.cnf",
          "[req]\ndistinguished_name = name\n[name]\n[authority]\n"
          "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\n"
          "subjectKeyIdentifier = hash\n");
    make_authority("ca", "Test CA");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(folder_ / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// What the command says, on both of its outputs.
  std::string openssl(const std::string& arguments) const {
    const auto command = "cd " + folder_.string() + " && openssl " + arguments + " 2>&1";
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string said;
    std::array<char, 4096> part{};
    for (std::size_t n = 0; (n = std::fread(part.data(), 1, part.size(), pipe)) > 0;)
      said.append(part.data(), n);
    ::pclose(pipe);
    return said;
  }
  void make_authority(const std::string& name, const std::string& common_name) const {
    openssl(
        "req -x509 -config ca.cnf -extensions authority -newkey rsa:2048 -nodes -days 3650 -subj "
        "'/CN=" +
        common_name + "' -keyout " + name + ".key -out " + name + ".pem");
  }
  /// A certificate by one of the authorities; `more`: further arguments of x509.
  Certificate signed_by(const std::string& ca, const std::string& subject,
                        const std::string& key = "rsa:2048", const std::string& more = "") const {
    openssl("req -newkey " + key + " -nodes -subj '" + subject +
            "' -keyout leaf.key -out leaf.csr");
    openssl("x509 -req -in leaf.csr -CA " + ca + ".pem -CAkey " + ca +
            ".key -set_serial 7 -days 10 -out leaf.pem " + more);
    const auto certificate = Certificate::from_pem(read("leaf.pem"));
    if (!certificate) throw Error("no certificate");
    return *certificate;
  }
  Authority authority() const { return Authority::from_files(file("ca.pem"), file("ca.key")); }

 private:
  std::filesystem::path folder_;
};

TEST_F(X509Test, what_is_issued_is_what_openssl_reads) {
  const auto ca = authority();
  for (const auto type : {KeyType::rsa_2048, KeyType::ec_p256}) {
    const auto key = make_key(type);
    // An id may have 128 characters, where X.509's own limit for names is 64.
    const std::string name = "acme/" + std::string(128, 'd');
    const auto made = ca.issue(key, name, 10);
    write("made.pem", made.facts().pem);
    write("made.key", private_key_pem(key));
    EXPECT_EQ(openssl("verify -x509_strict -purpose sslclient -CAfile ca.pem made.pem"),
              "made.pem: OK\n");
    EXPECT_EQ(openssl("x509 -in made.pem -noout -pubkey"), openssl("pkey -in made.key -pubout"));
    EXPECT_NE(openssl("x509 -in made.pem -noout -subject -nameopt RFC2253").find("CN=" + name),
              std::string::npos);
    auto print = openssl("x509 -in made.pem -noout -fingerprint -sha256");
    std::erase(print, ':');
    for (auto& c : print) c = static_cast<char>(std::tolower(c));
    EXPECT_NE(print.find(made.facts().fingerprint), std::string::npos);
    EXPECT_EQ(made.facts().common_name, name);
    EXPECT_EQ(made.facts().issuer, "CN=Test CA");
    EXPECT_EQ(made.facts().serial.size(), 32u);
    EXPECT_TRUE(made.facts().has_strong_key);
    EXPECT_FALSE(made.facts().is_authority);
    EXPECT_TRUE(made.is_signed_by(ca.certificate()));
    EXPECT_TRUE(made.names_issuer(ca.certificate()));
    const auto now = std::time(nullptr);
    EXPECT_TRUE(made.is_valid_at(now));
    EXPECT_FALSE(made.is_valid_at(now + 11 * 86'400));
    EXPECT_FALSE(made.is_valid_at(now - 3600));
  }
}

TEST_F(X509Test, no_certificate_outlives_its_authority) {
  openssl(
      "req -x509 -config ca.cnf -extensions authority -newkey rsa:2048 -nodes -days 1 -subj "
      "/CN=Brief "
      "-keyout brief.key -out brief.pem");
  const auto ca = Authority::from_files(file("brief.pem"), file("brief.key"));
  const auto made = ca.issue(make_key(KeyType::ec_p256), "acme/d", 3650);
  EXPECT_EQ(made.facts().not_after_s, ca.certificate().facts().not_after_s);
}

TEST_F(X509Test, only_the_authoritys_signature_counts) {
  make_authority("fake", "Test CA");
  const auto ca = authority().certificate();
  const auto good = signed_by("ca", "/CN=acme\\/d");
  EXPECT_EQ(good.facts().common_name, "acme/d");
  EXPECT_TRUE(good.is_signed_by(ca));
  const auto forged = signed_by("fake", "/CN=acme\\/d");
  EXPECT_TRUE(forged.names_issuer(ca));
  EXPECT_FALSE(forged.is_signed_by(ca));
  EXPECT_FALSE(good.is_signed_by(good));
  EXPECT_FALSE(ca.is_signed_by(ca));
  // A leaf is no authority, whatever it signs.
  openssl(
      "x509 -req -in leaf.csr -CA leaf.pem -CAkey leaf.key -set_serial 9 -days 10 -out below.pem");
  const auto below = Certificate::from_pem(read("below.pem"));
  ASSERT_TRUE(below);
  EXPECT_FALSE(below->is_signed_by(forged));
  // What is for servers alone serves no client; SHA-1 signs nothing.
  write("server.cnf", "extendedKeyUsage = serverAuth\n");
  EXPECT_FALSE(signed_by("ca", "/CN=acme\\/d", "rsa:2048", "-extfile server.cnf").is_signed_by(ca));
  EXPECT_FALSE(signed_by("ca", "/CN=acme\\/d", "rsa:2048", "-sha1").is_signed_by(ca));
}

TEST_F(X509Test, names_and_keys_are_seen_as_they_are) {
  EXPECT_EQ(signed_by("ca", "/O=Acme").facts().common_name, "");
  EXPECT_EQ(signed_by("ca", "/CN=one/CN=two").facts().common_name, "");
  EXPECT_FALSE(signed_by("ca", "/CN=x", "rsa:1024").facts().has_strong_key);
  EXPECT_FALSE(signed_by("ca", "/CN=x", "ed25519").facts().has_strong_key);
  EXPECT_FALSE(
      signed_by("ca", "/CN=x", "ec -pkeyopt ec_paramgen_curve:secp224r1").facts().has_strong_key);
  EXPECT_TRUE(
      signed_by("ca", "/CN=x", "ec -pkeyopt ec_paramgen_curve:P-384").facts().has_strong_key);
}

TEST_F(X509Test, what_is_no_certificate_is_refused) {
  const auto pem = read("ca.pem");
  EXPECT_TRUE(Certificate::from_pem(pem));
  EXPECT_TRUE(Certificate::from_pem("some words\n" + pem));
  EXPECT_FALSE(Certificate::from_pem(""));
  EXPECT_FALSE(Certificate::from_pem(pem.substr(0, pem.size() / 2)));
  EXPECT_FALSE(Certificate::from_pem(read("ca.key")));
  EXPECT_FALSE(Certificate::from_pem(std::string(pem_bytes_max, ' ') + pem));
  // Every byte of it changed, one at a time: read or refused, and never believed.
  const auto good = signed_by("ca", "/CN=acme\\/d").facts().pem;
  const auto ca = authority().certificate();
  for (std::size_t i = 28; i + 28 < good.size(); i += 3) {
    auto broken = good;
    broken[i] = broken[i] == 'A' ? 'B' : 'A';
    const auto read = Certificate::from_pem(broken);
    if (read && read->facts().pem != good) EXPECT_FALSE(read->is_signed_by(ca)) << i;
  }
}

TEST_F(X509Test, a_request_must_be_signed_by_its_own_key) {
  signed_by("ca", "/CN=acme\\/d");
  const auto csr = read("leaf.csr");
  const auto key = key_of_request(csr);
  ASSERT_TRUE(key);
  write("made.pem", authority().issue(*key, "acme/d", 5).facts().pem);
  EXPECT_EQ(openssl("x509 -in made.pem -noout -pubkey"), openssl("pkey -in leaf.key -pubout"));
  EXPECT_FALSE(key_of_request(read("ca.pem")));
  EXPECT_FALSE(key_of_request(
      "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"));
  for (std::size_t i = 40; i + 40 < csr.size(); i += 5) {
    auto broken = csr;
    broken[i] = broken[i] == 'A' ? 'B' : 'A';
    if (broken[i] != '\n' && csr[i] != '\n') EXPECT_FALSE(key_of_request(broken)) << i;
  }
  signed_by("ca", "/CN=x", "rsa:1024");
  EXPECT_FALSE(key_of_request(read("leaf.csr")));
}

TEST_F(X509Test, the_revocation_list_is_what_openssl_reads) {
  const auto ca = authority();
  const auto made = ca.issue(make_key(KeyType::ec_p256), "acme/d", 10);
  const auto other = ca.issue(make_key(KeyType::ec_p256), "acme/e", 10);
  write("made.pem", made.facts().pem);
  write("other.pem", other.facts().pem);
  write("list.pem", ca.revocation_list({{made.facts().serial, std::time(nullptr) - 60}}, 42, 3600));
  EXPECT_NE(openssl("crl -in list.pem -noout -CAfile ca.pem").find("verify OK"), std::string::npos);
  EXPECT_NE(openssl("crl -in list.pem -noout -crlnumber").find("2A"), std::string::npos);
  const std::string verify = "verify -crl_check -CAfile ca.pem -CRLfile list.pem ";
  EXPECT_NE(openssl(verify + "made.pem").find("certificate revoked"), std::string::npos);
  EXPECT_EQ(openssl(verify + "other.pem"), "other.pem: OK\n");
  write("empty.pem", ca.revocation_list({}, 1, 3600));
  EXPECT_EQ(openssl("verify -crl_check -CAfile ca.pem -CRLfile empty.pem made.pem"),
            "made.pem: OK\n");
}

TEST_F(X509Test, an_authoritys_files_must_fit) {
  make_authority("second", "Second CA");
  signed_by("ca", "/CN=leaf");
  EXPECT_THROW(Authority::from_files(file("nothing.pem"), file("ca.key")), Error);
  EXPECT_THROW(Authority::from_files(file("ca.pem"), file("nothing.key")), Error);
  EXPECT_THROW(Authority::from_files(file("ca.pem"), file("second.key")), Error);
  EXPECT_THROW(Authority::from_files(file("leaf.pem"), file("leaf.key")), Error);
  EXPECT_THROW(Authority::from_files(file("ca.key"), file("ca.key")), Error);
  openssl("pkey -in ca.key -aes256 -passout pass:secret -out locked.key");
  EXPECT_THROW(Authority::from_files(file("ca.pem"), file("locked.key")), Error);
  write("both.pem", "words\n" + read("ca.pem") + "words\n" + read("second.pem"));
  const auto both = Authority::from_files(file("both.pem"), file("ca.key"));
  EXPECT_EQ(both.bundle_pem(),
            authority().bundle_pem() + Certificate::from_pem(read("second.pem"))->facts().pem);
}

}  // namespace
}  // namespace pulse::crypto
