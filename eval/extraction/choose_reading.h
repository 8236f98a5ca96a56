// Which of two readings of one picture to keep: the model's or the classical one's.
#pragma once

#include <string>

#include "eval/extraction/verdict.h"

namespace nvlm::eval {

/// The model is believed from these values on: high, as the rules are a strong opponent.
inline constexpr double kTrustedConfidence = 0.9, kTrustedAgreement = 0.9;

enum class ReadingChoice { kModel, kRules };

struct ChosenReading {
  ReadingChoice choice = ReadingChoice::kModel;
  std::string reason;
};

/// Chooses by, in this order: a reading without a table loses; the model loses below
/// kTrustedAgreement with the words of the classical reader (harmonic mean of found and covered),
/// below kTrustedConfidence, or if it fails more structure checks; else the model wins. The rules'
/// own agreement and confidence do not count: they are made of the very words they would be
/// compared with. model, rules  null: that reader found no table; not both
ChosenReading choose_reading(const TableProof* model, const TableProof* rules);

}  // namespace nvlm::eval
