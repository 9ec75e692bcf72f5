/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_procedure.c - a procedure's plan in the journal, and the order in which its steps are done
 * and undone when a step fails or is cut off. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/uuid.h"
#include "model/journal/procedure.h"
#include "tap.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define HERE "test:///here"

struct part {
    char *name;
    uint64_t number, found;
    bool is_found;
};

struct sample {
    struct procedure p;
    char *file, *extra;
    char id[UUID_LEN + 1];
    bool flag, mark;
    unsigned count;
    struct part *parts;
    size_t n_parts;
};

/* The results that the steps shall have, and the steps that ran. */
static struct {
    int fails[3];       /* errno of a step, 0 for none */
    int fails_once[3];  /* the same, but not when it is run again, */
    int fails_again;    /* or then with this one */
    int look, undo;     /* errnos */
    int resume;         /* where it goes on */
    enum step_fit fits; /* of the second */
    bool notes;         /* the undoing is in the journal first */
    int stopped;        /* where it goes on after a failure; 0: by the flags */
    bool goes;          /* the domain, with the first step */
    bool fails_late;    /* though all steps are run */
    bool no_second;     /* by the plan */
} want;
static struct text done;

static int act(const char *name, int i, struct err *e)
{
    text_add(&done, "%s ", name);
    int no = want.fails[i] ? want.fails[i] : want.fails_once[i];
    want.fails_once[i] = no == want.fails_once[i] ? want.fails_again : 0;
    return no ? err_fail(e, no, "%s failed", name) : 0;
}

static int run_one(struct procedure *p, struct err *e)
{
    want.look = want.goes ? ENOENT : want.look;
    (void)p;
    return act("one", 0, e);
}

static int run_two(struct procedure *p, struct err *e)
{
    if (want.fails_late)
        err_fail(&p->failure, EIO, "failed for all that");
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

static bool wants_two(const struct procedure *p)
{
    (void)p;
    return !want.no_second;
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

static int stopped(struct procedure *p, enum step_end how, struct err *e)
{
    (void)e;
    return want.stopped ? want.stopped : procedure_stopped(p, how);
}

static int undo_step(const struct procedure *p)
{
    (void)p;
    return want.notes ? 3 : -1;
}

static int anew(struct procedure *p, struct err *e)
{
    (void)e;
    text_add(&done, "anew ");
    TAP_OK(!journal_is_left(p->j), "the journal was ended before");
    return 0;
}

static const struct field_list parts = {offsetof(struct sample, parts),
                                        offsetof(struct sample, n_parts), sizeof(struct part)};

static const struct field rows[] = {
    FIELD_ROW("file", FIELD_TEXT, sample, file),
    FIELD_ROW("extra", FIELD_MAYBE, sample, extra),
    FIELD_ROW("id", FIELD_UUID, sample, id),
    FIELD_ROW("state", FIELD_BOOL, sample, flag),
    {"state", FIELD_UNSIGNED, offsetof(struct sample, count), NULL, 8},
    FIELD_ITEM("part", FIELD_TEXT, part, name, &parts),
    FIELD_ITEM("part", FIELD_U64, part, number, &parts),
    FIELD_ROW("mark", FIELD_SET, sample, mark),
    FIELD_ITEM("found", FIELD_KEY, part, name, &parts),
    FIELD_ITEM("found", FIELD_SET, part, is_found, &parts),
    FIELD_ITEM("found", FIELD_U64, part, found, &parts),
};

static struct step steps[] = {
    {"one", run_one, NULL, NULL, STEP_ONCE | STEP_WITH_PLAN, NULL},
    {"two", run_two, wants_two, fits_two, STEP_BOUND, NULL},
    {"three", run_three, NULL, NULL, 0, "the rest is left"},
    {.name = "back"},
};

static struct procedure_kind kind = {
    .word = "sample",
    .version = 2,
    .oldest = 1,
    .noun = "the sample of",
    .left = "it stays so",
    .fields = FIELDS_OF(rows),
    .size = sizeof(struct sample),
    .steps = steps,
    .n_steps = 3,
    .n_undo = 1,
    .commit_at = 1,
    .look = look,
    .stopped = stopped,
    .resume = resume,
    .undo_step = undo_step,
    .undo = undo,
    .anew = anew,
};

#define HEAD "uri test:///here\nsnapshot s%201\nfile -\n"
#define REST                                                                                       \
    "id " UUID "\nstate 1 7\npart a 18446744073709551615\npart b%25 0\n"                           \
    "ready\n"

static const char plan[] = "sample 2\n" HEAD REST;

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
    *s = (struct sample){.p = {.kind = &kind, .j = j, .uuid = UUID, .remark = remark, .step = -1},
                         .id = UUID,
                         .flag = true,
                         .count = 7};
    s->p.uri = strdup(HERE);
    s->p.snapshot = strdup("s 1");
    s->file = strdup("");
    *(struct part *)fields_add(&parts, s) = (struct part){.name = strdup("a"), .number = -1};
    *(struct part *)fields_add(&parts, s) = (struct part){.name = strdup("b%")};
}

/* Checks the result r, the steps that ran, and the sentence. */
static void ended(int r, int no, const char *did, const char *says, const struct text *remark,
                  const struct err *e)
{
    const char *said = r < 0 ? e->text : remark->s ? remark->s : "";
    TAP_OK(r == -no, "the result is %d: %d %s", no, r, e->text);
    TAP_STR(done.s ? done.s : "", did, "what was done");
    TAP_OK(!*says || strstr(said, says), "it says '%s': %s", says, said);
}

static void begin_anew(struct journal *j)
{
    struct err e;
    journal_end(j, &e);
    journal_close(j);
    text_drop(&done);
    memset(&want, 0, sizeof(want));
}

/* Runs the procedure; checks the result, the steps that ran, the sentence, and the journal. */
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
    ended(r, no, did, says, &remark, &e);
    j = open_journal();
    TAP_STR(journal_text(j), left, "the journal");
    begin_anew(j);
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
    run_it(0, "one two three ", "the rest is left: three failed", "");
    want.fails[2] = EHOSTDOWN;
    run_it(0, "one two three three ", "the rest is left: three failed", "");
    want.fits = STEP_SKIPPED;
    run_it(0, "one three ", "", "");
    want.no_second = true, want.fits = STEP_CHANGED;
    run_it(0, "one three ", "", "");
    want.fails_once[1] = EHOSTDOWN;
    run_it(0, "one two two three ", "", "");
    snprintf(left, sizeof(left), "%sstep one\nstep two\n", plan);
    want.fails[1] = EHOSTDOWN;
    run_it(EHOSTDOWN, "one two two ", "is finished once libvirt answers,", left);
    want.fails[0] = EHOSTDOWN, want.resume = NEXT_UNDO;
    run_it(EHOSTDOWN, "one undo ", "taken back", "");
    want.fails[0] = EHOSTDOWN, want.resume = 1;
    run_it(0, "one two three ", "the connection was lost meanwhile", "");
    snprintf(left, sizeof(left), "%sstep one\n", plan);
    want.fails[0] = EIO, want.undo = EHOSTDOWN;
    run_it(EIO, "one undo ", "undone later: no undo", left);
    want.look = EHOSTDOWN;
    run_it(EHOSTDOWN, "", "undone or finished once", left);
}

static void test_undone(void)
{
    char left[512];
    want.fails[0] = EIO, want.undo = EIO, want.notes = true;
    snprintf(left, sizeof(left), "%sstep one\nstep back\n", plan);
    run_it(EIO, "one undo ", "undone later: no undo", left);
    want.fails[1] = EIO, want.stopped = NEXT_UNDO;
    run_it(EIO, "one two undo ", "two failed; taken back", "");
}

static void test_where_it_goes_on(void)
{
    char left[512];
    snprintf(left, sizeof(left), "%sstep one\nstep two\n", plan);
    want.fails[1] = EIO;
    run_it(EIO, "one two ", "is finished by the next operation", left);
    want.fails[1] = EIO, want.stopped = NEXT_LEAVE;
    run_it(EIO, "one two ", "two failed; it stays so", "");
    want.fails[0] = EIO, want.stopped = 2;
    run_it(0, "one three ", "", "");
    want.fits = STEP_CHANGED;
    run_it(EBUSY, "one ", "another program changed the domain meanwhile; it stays so", "");
    want.fails[0] = EHOSTDOWN, want.resume = NEXT_LEAVE;
    run_it(EHOSTDOWN, "one ", "it stays so", "");
    want.fails[0] = EHOSTDOWN, want.resume = NEXT_LATER;
    snprintf(left, sizeof(left), "%sstep one\n", plan);
    run_it(EHOSTDOWN, "one ", "undone or finished once libvirt answers,", left);
    want.fails_late = true;
    run_it(EIO, "one two three ", "failed for all that", "");
}

/* The domain's last state stays after the deciding step has begun. */
static void test_gone_meanwhile(void)
{
    want.fails[0] = EHOSTDOWN, want.goes = true;
    run_it(EHOSTDOWN, "one undo ", "taken back", "");
    kind.commit_at = 0;
    want.fails[0] = EHOSTDOWN, want.goes = true;
    run_it(EHOSTDOWN, "one ", "one failed; the domain is gone", "");
    kind.commit_at = 1;
}

/* Its answer may be missing, although its request is done later. */
static void test_lasting(void)
{
    char left[512];
    snprintf(left, sizeof(left), "%sstep one\nstep two\n", plan);
    kind.commit_at = 2;
    steps[1].flags = 0;
    want.fails_once[1] = EHOSTDOWN, want.fails_again = EIO;
    run_it(EIO, "one two two undo ", "two failed; taken back", "");
    want.fails[1] = ENOMEM;
    run_it(ENOMEM, "one two undo ", "two failed; taken back", "");
    steps[1].flags = STEP_LASTING;
    want.fails_once[1] = EHOSTDOWN, want.fails_again = EIO;
    run_it(EIO, "one two two ", "undone or finished by", left);
    want.fails[1] = ENOMEM;
    run_it(ENOMEM, "one two ", "undone or finished by", left);
    want.fails[1] = EIO;
    run_it(EIO, "one two undo ", "two failed; taken back", "");
    steps[1].flags = STEP_BOUND;
    kind.commit_at = 1;
}

/* Without it each step has a line of its own, also the first. */
static void test_plan_alone(void)
{
    steps[0].flags = 0;
    want.look = EHOSTDOWN;
    run_it(EHOSTDOWN, "", "undone or finished once", plan);
    run_it(0, "one two three ", "", "");
    steps[0].flags = STEP_ONCE | STEP_WITH_PLAN;
}

static void test_notes(void)
{
    struct sample s, *back;
    struct procedure *p = NULL;
    struct err e = {0};
    autotext struct text remark = {0};
    struct journal *j = open_journal();
    fill(&s, j, &remark);
    s.extra = strdup("x y"), s.mark = true;
    TAP_OK(procedure_note_plan(&s.p, &e) == 0, "the plan is noted %s", e.text);
    s.parts[1].is_found = true, s.parts[1].found = 5;
    TAP_OK(procedure_note(&s.p, "found", &s.parts[0], &e) == 0, "of one nothing is to be noted");
    TAP_OK(procedure_note(&s.p, "found", NULL, &e) == 0, "what is known of all is");
    s.parts[0].is_found = true, s.parts[0].found = 6;
    TAP_OK(procedure_note(&s.p, "found", &s.parts[0], &e) == 0, "and later of the first");
    journal_close(j);
    j = open_journal();
    TAP_STR(journal_text(j),
            "sample 2\n" HEAD "extra x%20y\nid " UUID "\nstate 1 7\n"
            "part a 18446744073709551615\npart b%25 0\nmark\nready\nstep one\n"
            "found b%25 5\nfound a 6\n",
            "the journal");
    TAP_OK(procedure_read(&kind, journal_text(j), &p, &e) == 0 && p, "it is read %s", e.text);
    back = (struct sample *)p;
    TAP_OK(back && back->n_parts == 2 && back->parts[0].found == 6 && back->parts[1].found == 5 &&
               back->parts[1].is_found && back->mark,
           "all of it");
    TAP_STR(back ? back->extra : "", "x y", "the text that may be missing");
    TAP_STR(back ? back->id : "", UUID, "the uuid");
    procedure_free(p);
    procedure_drop(&s.p);
    journal_end(j, &e);
    journal_close(j);
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
    ended(r, no, did, says, &remark, &e);
    j = open_journal();
    TAP_OK(!*journal_text(j) == ends, "the journal is %s", ends ? "empty" : "kept");
    begin_anew(j);
}

static void test_recover(void)
{
    char text[512];
    snprintf(text, sizeof(text), "%sstep one\n", plan);
    want.resume = NEXT_UNDO;
    recover(text, HERE, 0, "undo ", "the sample of 's 1', which was cut off, is undone", true);
    want.resume = 1;
    recover(text, HERE, 0, "two three ", "is finished", true);
    want.look = ENOENT;
    recover(text, HERE, 0, "undo ", "the domain is gone", true);
    want.look = EHOSTDOWN;
    recover(text, HERE, EHOSTDOWN, "", "no look", false);
    recover(text, "test:///there", EBUSY, "", "mount that", false);
    recover("sample 1\nuri test:///here\n", HERE, 0, "", "", true);
    recover("sample 3\nready\n", HERE, EIO, "", "does not understand", false);
    recover("sample 0\nready\n", HERE, EIO, "", "does not understand", false);
    want.resume = NEXT_LEAVE;
    recover(text, HERE, 0, "", "was cut off, and was not made; it stays so", true);
    want.resume = NEXT_ANEW;
    recover(text, HERE, 0, "anew ", "which was cut off, is finished", true);
    snprintf(text, sizeof(text), "%sstep one\nstep two\nstep back\n", plan);
    want.look = ENOENT;
    recover(text, HERE, 0, "undo ", "the domain is gone", true);
    recover("sample 1\n" HEAD REST, HERE, 0, "one two three ", "is finished", true);
}

static void refuses(const char *lines, const char *what)
{
    struct procedure *p = NULL;
    struct err e = {0};
    TAP_OK(procedure_read(&kind, lines, &p, &e) == -EIO && !p, "%s: %s", what, e.text);
}

static void test_read(void)
{
    refuses("sample 2\n" HEAD "id " UUID "\nstate 2 7\nready\n", "no truth value");
    refuses("sample 2\n" HEAD "id " UUID "\nstate 1 9\nready\n", "a number that is too large");
    refuses("sample 2\n" HEAD "file g\n", "a text that stands twice");
    refuses("sample 2\nuri u\nsnapshot s\nid " UUID "\nready\n", "one that lacks a text");
    refuses("sample 2\n" HEAD "ready\n", "one that lacks a uuid");
    refuses("sample 2\n" HEAD "id 1-2\n", "what is no uuid");
    refuses("sample 2\n" HEAD "mark 1\n", "a value too many");
    refuses("sample 2\n" HEAD "part a 1\nfound b 1\n", "more of an item that is not there");
    refuses("sample 2\n" HEAD "part a 1\nfound a\n", "a value too few");
}

int main(void)
{
    char directory[] = "/tmp/test-procedure-XXXXXX";
    if (!mkdtemp(directory) || setenv("STATE_DIRECTORY", directory, 1) != 0)
        return 1;
    test_run();
    test_undone();
    test_where_it_goes_on();
    test_gone_meanwhile();
    test_lasting();
    test_plan_alone();
    test_notes();
    test_recover();
    test_read();
    TAP_OK(rmdir(directory) == 0, "nothing is left");
    return tap_done();
}
