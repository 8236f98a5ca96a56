// The annotation files of the public question benchmarks, as they are published.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "eval/tasks/question_task.h"

namespace nvlm::eval {

/// Appended to the question for answers of one span, as NVLM evaluates (facts of Megatron-LM's
/// examples/multimodal/run_text_generation.py).
inline constexpr const char* kSpanPrompt =
    "\nAnswer the question using a single word, phrase, or number.";
/// Appended for ChartQA.
inline constexpr const char* kPhrasePrompt = "\nAnswer the question using a single word or phrase.";
/// Stands behind the options of a multiple-choice question.
inline constexpr const char* kChoicePrompt =
    "Answer with the option's letter from the given choices directly.";

/// A benchmark: what it is called here, which file it wants, and how that is read.
struct QuestionLayout {
  const char* name;    // of the task and its verb: "docvqa"
  const char* wanted;  // "DocVQA's val_v1.0_withQT.json (rrc.cvc.uab.es, task 1)"
  /// annotations  the file, for ai2d the folder of the data set
  /// images       what the paths in it are relative to
  QuestionTask (*open)(const QuestionLayout& layout, const std::filesystem::path& annotations,
                       const std::filesystem::path& images);
};

/// docvqa, textvqa, chartqa, ai2d, ocrbench, realworldqa, llava; the members that each reads:
///   docvqa       {"data": [{questionId, question, image, docId, answers}]}; ANLS
///   textvqa      {"data": [{question_id, question, image_id, answers}]}, picture image_id.jpg; VQA
///                accuracy
///   chartqa      [{imgname, query, label}]; the id is imgname#number; relaxed accuracy
///   ai2d         a folder with questions/*.json {imageName, questions: {text: {questionId,
///                answerTexts, correctAnswer}}}; choices A, B, ...; letter match
///   ocrbench     [{image_path, question, answers, type, dataset_name}]; containment; the id is the
///                member id, or the number of the entry; groups by type
///   realworldqa  [{image, question, answer}]; letter match; the id is the picture's name
///   llava        [{id, image, conversations: [{from, value}]}] or one object per line: every
///                question of "human" with the answer of "gpt" behind it, without the turns before;
///                ANLS
std::span<const QuestionLayout> question_layouts();

/// Opens the task of one of them.
/// images  empty: the folder of the annotations
/// throws  std::runtime_error naming file, entry and problem: the file is missing (with what is
///         wanted and where it comes from), a picture is missing, duplicate ids, a question without
///         accepted answers (as in test splits), no items
QuestionTask open_question_task(const QuestionLayout& layout,
                                const std::filesystem::path& annotations,
                                const std::filesystem::path& images);

}  // namespace nvlm::eval
