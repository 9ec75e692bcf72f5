/* test_procedure.c - a procedure's plan in the journal, and in which order it does and undoes what
 * when a step fails or is cut off. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/journal/procedure.h"
#include "tap.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define HERE "test:///here"

struct part {
    char *name;
    uint64_t number;
};

struct sample {
    struct procedure p;
    char *file;
    bool flag;
    unsigned count;
    struct part *parts;
    size_t n_parts;
};

/* What the steps are to do, and what was done. */
static struct {
    int fails[3];       /* errno of a step, 0 for none */
    int fails_once[3];  /* the same, but not when it is run again */
    int look, undo;     /* errnos */
    int resume;         /* the step, or PROCEDURE_UNDO */
    enum step_fit fits; /* of the second */
} want;
static struct text done;

static int act(const char *name, int i, struct err *e)
{
    text_add(&done, "%s ", name);
    int no = want.fails[i] ? want.fails[i] : want.fails_once[i];
    want.fails_once[i] = 0;
    return no ? err_fail(e, no, "%s failed", name) : 0;
}

static int run_one(struct procedure *p, struct err *e)
{
    (void)p;
    return act("one", 0, e);
}

static int run_two(struct procedure *p, struct err *e)
{
    (void)p;
    return act("two", 1, e);
}

static int run_three(struct procedure *p, struct err *e)
{
    (void)p;
    return act("three", 2, e);
}

static enum step_fit fits_two(const struct procedure *p)
{
    (void)p;
    return want.fits;
}

static int look(struct procedure *p, struct err *e)
{
    (void)p;
    return want.look ? err_fail(e, want.look, "no look") : 0;
}

static int resume(struct procedure *p, int *ret_step, struct err *e)
{
    (void)p, (void)e;
    *ret_step = want.resume;
    return 0;
}

static int undo(struct procedure *p, struct err *e)
{
    text_add(&done, "undo ");
    text_add(p->remark, "; taken back");
    return want.undo ? err_fail(e, want.undo, "no undo") : 0;
}

static const struct field_list parts = {offsetof(struct sample, parts),
                                        offsetof(struct sample, n_parts), sizeof(struct part)};

static const struct field rows[] = {
    {"file", FIELD_TEXT, offsetof(struct sample, file), NULL},
    {"state", FIELD_BOOL, offsetof(struct sample, flag), NULL},
    {"state", FIELD_UNSIGNED, offsetof(struct sample, count), NULL},
    {"part", FIELD_TEXT, offsetof(struct part, name), &parts},
    {"part", FIELD_U64, offsetof(struct part, number), &parts},
};

static const struct step steps[] = {
    {"one", run_one, NULL, STEP_ONCE},
    {"two", run_two, fits_two, 0},
    {"three", run_three, NULL, STEP_OPTIONAL},
};

static const struct procedure_kind kind = {
    .word = "sample",
    .version = "1",
    .noun = "the sample of",
    .fields = {rows, sizeof(rows) / sizeof(*rows)},
    .size = sizeof(struct sample),
    .steps = steps,
    .n_steps = 3,
    .commit_at = 1,
    .look = look,
    .resume = resume,
    .undo = undo,
};

static const char plan[] = "sample 1\nuri test:///here\nsnapshot s%201\nfile -\nstate 1 7\n"
                           "part a 18446744073709551615\npart b%25 0\nready\n";

static struct journal *open_journal(void)
{
    struct journal *j = NULL;
    struct err e = {0};
    if (journal_open(UUID, false, &j, &e) < 0)
        TAP_OK(false, "the journal opens: %s", e.text);
    return j;
}

static void fill(struct sample *s, struct journal *j, struct text *remark)
{
    *s = (struct sample){
        .p = {.kind = &kind, .j = j, .uuid = UUID, .remark = remark}, .flag = true, .count = 7};
    s->p.uri = strdup(HERE);
    s->p.snapshot = strdup("s 1");
    s->file = strdup("");
    *(struct part *)fields_add(&parts, s) = (struct part){strdup("a"), UINT64_MAX};
    *(struct part *)fields_add(&parts, s) = (struct part){strdup("b%"), 0};
}

/* Runs it: the result, what was done and said, and what the journal has then. */
static void run_it(int no, const char *did, const char *says, const char *left)
{
    struct sample s;
    struct err e = {0};
    autotext struct text remark = {0};
    struct journal *j = open_journal();
    fill(&s, j, &remark);
    int r = procedure_run(&s.p, &e);
    procedure_drop(&s.p);
    journal_close(j);
    TAP_OK(r == -no, "the result is %d: %d %s", no, r, e.text);
    TAP_STR(done.s ? done.s : "", did, "what was done");
    TAP_OK(!*says || strstr(r < 0      ? e.text
                            : remark.s ? remark.s
                                       : "",
                            says),
           "it says '%s': %s %s", says, e.text, remark.s ? remark.s : "");
    j = open_journal();
    TAP_STR(journal_text(j), left, "the journal");
    journal_end(j, &e);
    journal_close(j);
    text_drop(&done);
    memset(&want, 0, sizeof(want));
}

static void test_run(void)
{
    char left[512];
    run_it(0, "one two three ", "", "");
    want.fails[0] = EIO;
    run_it(EIO, "one undo ", "one failed; taken back", "");
    want.fails[0] = ENOMEM;
    run_it(ENOMEM, "one undo ", "one failed", "");
    want.fails[2] = EIO;
    run_it(0, "one two three ", "three failed", "");
    want.fits = STEP_SKIPPED;
    run_it(0, "one three ", "", "");
    want.fails_once[1] = EHOSTDOWN;
    run_it(0, "one two two three ", "", "");
    snprintf(left, sizeof(left), "%sstep one\nstep two\n", plan);
    want.fails[1] = EHOSTDOWN;
    run_it(EHOSTDOWN, "one two two ", "is finished once libvirt answers", left);
    want.fails[0] = EHOSTDOWN, want.resume = PROCEDURE_UNDO;
    run_it(EHOSTDOWN, "one undo ", "taken back", "");
    want.fails[0] = EHOSTDOWN, want.resume = 1;
    run_it(0, "one two three ", "the connection was lost meanwhile", "");
    snprintf(left, sizeof(left), "%sstep one\n", plan);
    want.fails[0] = EIO, want.undo = EHOSTDOWN;
    run_it(EIO, "one undo ", "undone later: no undo", left);
    want.look = EHOSTDOWN;
    run_it(EHOSTDOWN, "", "undone or finished once", left);
}

static void recover(const char *text, const char *uri, int no, const char *did, const char *says,
                    bool ends)
{
    struct err e = {0};
    autotext struct text remark = {0};
    struct journal *j = open_journal();
    journal_add(j, text, &e);
    journal_close(j);
    j = open_journal();
    int r = procedure_recover(&kind, NULL, j, UUID, uri, &remark, &e);
    journal_close(j);
    TAP_OK(r == -no, "the recovery's result is %d: %d %s", no, r, e.text);
    TAP_STR(done.s ? done.s : "", did, "what was done");
    TAP_OK(!*says || strstr(r < 0      ? e.text
                            : remark.s ? remark.s
                                       : "",
                            says),
           "it says '%s': %s %s", says, e.text, remark.s ? remark.s : "");
    j = open_journal();
    TAP_OK(!*journal_text(j) == ends, "the journal is %s", ends ? "empty" : "kept");
    journal_end(j, &e);
    journal_close(j);
    text_drop(&done);
    memset(&want, 0, sizeof(want));
}

static void test_recover(void)
{
    char text[512];
    snprintf(text, sizeof(text), "%sstep one\n", plan);
    want.resume = PROCEDURE_UNDO;
    recover(text, HERE, 0, "undo ", "the sample of 's 1', which was cut off, is undone", true);
    want.resume = 1;
    recover(text, HERE, 0, "two three ", "is finished", true);
    want.look = ENOENT;
    recover(text, HERE, 0, "undo ", "the domain is gone", true);
    want.look = EHOSTDOWN;
    recover(text, HERE, EHOSTDOWN, "", "no look", false);
    recover(text, "test:///there", EBUSY, "", "mount that", false);
    recover("sample 1\nuri test:///here\n", HERE, 0, "", "", true);
    recover("sample 2\nready\n", HERE, EIO, "", "does not understand", false);
    recover("sample 1\nuri u\nsnapshot s\nfile f\nstate 2 7\nready\n", HERE, EIO, "", "", false);
    recover("sample 1\nuri u\nsnapshot s\nfile f\nfile g\nready\n", HERE, EIO, "", "", false);
    recover("sample 1\nuri u\nsnapshot s\nready\n", HERE, EIO, "", "", false);
}

int main(void)
{
    char directory[] = "/tmp/test-procedure-XXXXXX";
    if (!mkdtemp(directory) || setenv("STATE_DIRECTORY", directory, 1) != 0)
        return 1;
    test_run();
    test_recover();
    TAP_OK(rmdir(directory) == 0, "nothing is left");
    return tap_done();
}
