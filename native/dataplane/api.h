/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The whole native boundary of labkit._dataplane. The build hands this file to cffi as well, so it
 * keeps to plain declarations. Functions return 0 (or a count) or -errno; none may be called before
 * lk_eal_start() has returned 0, and all but the counter readers only from the engine's command
 * thread.
 */
#ifndef LK_API_H
#define LK_API_H

#include <stdint.h>

#include "bpf.h"
#include "endpoint.h"
#include "frame_program.h"
#include "frame_ring.h"
#include "tunnel.h"
#include "histogram.h"
#include "link_type.h"
#include "engine_limits.h"
#include "flow_state.h"
#include "recorder_memory.h"
#include "replay_ahead.h"
#include "sick_state.h"
#include "status.h"
#include "trial_state.h"

/* eal.c */
int lk_eal_start(int argc, char **argv);
void lk_eal_stop(void);
const char *lk_dpdk_version(void);

/* fault.c: where a fatal signal leaves its traces for the parent process */
int lk_fault_start(struct lk_status *status);

/* driver_call.c: what the notebook calls a port, for when a driver does not answer */
void lk_port_name(uint16_t id, const char *name, const char *driver, const char *device);

/* clock.c */
double lk_clock_tsc_hz(void);
uint64_t lk_clock_tsc(void);
uint64_t lk_clock_realtime_ns(uint64_t tsc);

/* port.c, cable.c, port_start.c, port_info.c, pool.c, link.c, xstats.c */
struct lk_port_config {
	uint32_t mtu; /* 0: the driver's own */
	uint16_t rx_queues;
	uint16_t tx_queues;
	uint16_t rx_descriptors; /* of a queue; 0: 1024, or what the driver has that is next */
	uint16_t tx_descriptors;
	uint32_t mbufs; /* in a pool of its own; 0: as many as its queues and workers need */
	int32_t promiscuous;
	uint64_t rx_offloads; /* RTE_ETH_RX_OFFLOAD_* */
	uint32_t speed;	      /* Mbit/s; 0: what is agreed on */
	int32_t pause_frames; /* 0: switched off while the port is open */
};
struct lk_port_info {
	uint16_t id;
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t min_mtu;
	uint16_t max_mtu;
	uint16_t max_rx_queues;
	uint16_t max_tx_queues;
	uint16_t rx_queues;
	uint16_t tx_queues;
	uint16_t rx_descriptors; /* of a queue */
	uint16_t tx_descriptors;
	uint16_t min_rx_descriptors;
	uint16_t max_rx_descriptors;
	uint16_t min_tx_descriptors;
	uint16_t max_tx_descriptors;
	uint32_t mbufs;	    /* of its pool */
	uint32_t mbuf_room; /* bytes of one */
	uint64_t rx_offloads;
	uint64_t rx_offloads_known; /* by the driver */
	uint64_t tx_offloads_known;
	uint32_t speeds_known; /* RTE_ETH_LINK_SPEED_* */
	int32_t link;	       /* enum lk_link_state */
	uint32_t link_speed;   /* Mbit/s; UINT32_MAX: unknown */
	int32_t full_duplex;
	int32_t autoneg;
	int32_t is_virtual; /* no NIC */
	int32_t socket;	    /* NUMA node of the NIC; -1: unknown */
	int32_t pool_socket;
	int32_t pause; /* enum rte_eth_fc_mode; -1: the driver does not say */
	int32_t promiscuous;
	char driver[32];
	char device[64];
};
enum lk_link_state { LK_LINK_DOWN, LK_LINK_UP, LK_LINK_GONE };
enum { LK_LINK_CHANGES = 256 }; /* that are kept of a port */
struct lk_link_change {
	uint64_t time_ns; /* since the epoch */
	int32_t state;
	uint32_t speed; /* Mbit/s, as above */
};
struct lk_port_memory {
	uint32_t mbufs;
	uint32_t room;	 /* bytes of one */
	uint64_t needed; /* bytes */
	uint64_t free;
};
struct lk_xstat {
	char name[64];
	uint64_t value;
};
int lk_ports_left(void); /* that DPDK has room for */
int lk_cable_create(const char *a, const char *b, unsigned int queues, unsigned int ring_size,
		    uint16_t *ids);
int lk_port_attach(const char *bus, const char *device, const char *arguments);
int lk_port_attach_without_fanout(const char *bus, const char *device, const char *arguments);
int lk_port_find(const char *device);
int lk_port_limits(uint16_t id, struct lk_port_info *info);
void lk_port_memory(uint16_t id, struct lk_port_memory *out);
uint64_t lk_link_changes(uint16_t id, struct lk_link_change *out, uint32_t room);
uint32_t lk_speed_bit(uint32_t mbps); /* RTE_ETH_LINK_SPEED_* */
const char *lk_offload_name(int is_tx, unsigned int bit);
int lk_port_start(uint16_t id, const struct lk_port_config *config, const uint8_t *mac);
int lk_port_info(uint16_t id, struct lk_port_info *info);
int lk_port_set_promiscuous(uint16_t id, int on);
int lk_port_set_link(uint16_t id, int up);
int lk_port_xstats(uint16_t id, struct lk_xstat *out, unsigned int room);
unsigned int lk_port_waiting(uint16_t id);
const char *lk_port_pool(uint16_t id); /* name of the mempool it receives into */
int lk_port_close(uint16_t id);

/* unread.c */
int lk_port_unread(uint16_t id, uint16_t queue);

/* rss.c */
enum { LK_RSS_LONGEST_KEY = 64, LK_RSS_MOST_ENTRIES = 512 };
struct lk_rss {
	uint64_t offered; /* fields that the driver can hash by, as bits of lk_rss_field() */
	uint64_t fields;  /* those that it does */
	uint16_t entries; /* of the redirection table; 0: it has none */
	uint8_t key_length;
	uint8_t key[LK_RSS_LONGEST_KEY];
};
const char *lk_rss_field(unsigned int index, uint64_t *bit);
int lk_rss_get(uint16_t id, struct lk_rss *rss);
int lk_rss_set(uint16_t id, const uint8_t *key, uint8_t length, uint64_t fields_wanted);
int lk_rss_table_get(uint16_t id, uint16_t *queues, uint16_t entries);
int lk_rss_table_set(uint16_t id, const uint16_t *queues, uint16_t entries);

/* probe.c */
struct lk_probe_config {
	const uint8_t *frame; /* headers of a probe: Ethernet, IP, UDP */
	uint32_t header_length;
	uint32_t payload_length;
	uint32_t count;
	uint32_t window; /* probes under way at once */
	uint16_t stream;
	uint64_t seed;
	uint64_t timeout_ns;
	uint64_t interval_ns; /* between two probes; 0: as soon as the window has room */
};
struct lk_probe_counts {
	uint64_t made;
	uint64_t received;
	uint64_t late;
	uint64_t duplicate;
	uint64_t corrupt;
	uint64_t given_up; /* no answer within the timeout; those that came late included */
	int32_t done;
};
struct lk_probe;
struct lk_probe *lk_probe_create(const struct lk_probe_config *config);
void lk_probe_counts(const struct lk_probe *probe, struct lk_probe_counts *counts);
/* Round trips in ns by sequence number, 0 where no answer came in time. */
uint32_t lk_probe_round_trips(const struct lk_probe *probe, double *out, uint32_t room);
void lk_probe_stop(struct lk_probe *probe);
void lk_probe_free(struct lk_probe *probe);

/* trial.c, stream.c, trial_counts.c */
struct lk_trial_config {
	uint32_t streams;
	uint32_t lanes;	       /* that send, each its share of every stream */
	uint32_t receivers;    /* lanes that frames arrive on */
	uint16_t first_stream; /* number in the signature of the first lane's first stream; the
				  others follow, lane by lane */
	int32_t latency; /* stamp every frame when it is made, and record its age on arrival */
	int32_t takes_unsigned; /* some streams carry no signature: frames without one are theirs */
	int32_t paced;		/* 0: as fast as the port takes frames */
	int32_t live;		/* no end; its streams start, stop and change by lk_live_change() */
	uint32_t longest;	/* frame without FCS */
	uint32_t ticks;		/* intervals of the time series */
	uint64_t tick_ns;
	uint64_t duration_ns;
	/* where another host's generator sends: that host's TSC and ours at one moment */
	int32_t elsewhere;
	uint64_t clock_there, clock_here;
	double clock_ratio;	 /* our cycles to one of its */
	uint64_t clock_error_ns; /* by which that may be wrong */
};
struct lk_stream_config {
	const struct lk_template *templates; /* one a frame size */
	uint32_t template_count;
	const uint16_t *order; /* frame n has template order[n % order_length] */
	uint32_t order_length;
	const struct lk_field *fields;
	uint32_t field_count;
	uint32_t checksum_count;
	int32_t has_signature;
	uint64_t intended;  /* frames; UINT64_MAX: until the time is over */
	uint32_t burst;	    /* frames back to back */
	double interval_ns; /* between two bursts; unpaced: their order among the streams */
	double first_ns;
	const struct lk_replay_config *replay; /* NULL: frames are made from templates */
	uint32_t longest;		       /* frame of the capture; a longer one ends it */
	/* of live streams alone */
	uint16_t id;	    /* number in the signature of the first lane's; the others follow */
	int32_t paced;	    /* 0: in what time the others leave */
	int32_t catches_up; /* overdue frames are sent late; 0: they are skipped */
	int32_t latency;    /* stamp every frame when it is made */
	double within_ns;   /* between the frames of a burst; interval_ns is from burst to burst */
	uint64_t duration_ns; /* 0: no end */
	uint32_t places;      /* ports that it arrives on */
	int32_t whole;	      /* one lane sends all of it */
};
struct lk_trial_counts {
	int32_t state; /* enum lk_trial_state */
	uint64_t made;
	uint64_t skipped;  /* never made: the generator was too far behind */
	uint64_t refused;  /* made, not taken by the port */
	uint64_t received; /* for the first time */
	uint64_t duplicated;
	uint64_t reordered;
	uint64_t too_old;
	uint64_t unsigned_frames; /* arrived without a signature */
	uint64_t unsigned_bytes;
	uint64_t start_realtime_ns;
	uint64_t elapsed_ns; /* since the start; when it is done, until its end or a later frame */
};
struct lk_stream_counts {
	uint64_t made;
	uint64_t skipped;
	uint64_t refused;
	uint64_t sent_bytes; /* with FCS */
	uint64_t received;
	uint64_t received_bytes;
	uint64_t reordered;
	uint64_t duplicated;
	uint64_t too_old;
	uint64_t failed; /* the rest of its capture could not be read */
};
struct lk_lane_counts { /* what one lane sent, and what arrived on it */
	uint64_t made;
	uint64_t skipped;
	uint64_t refused;
	uint64_t sent_bytes;
	uint64_t received;
	uint64_t received_bytes;
	uint64_t reordered;
	uint64_t duplicated;
	uint64_t too_old;
	uint64_t unsigned_frames;
	uint64_t unsigned_bytes;
};
struct lk_tick {
	uint64_t made;
	uint64_t refused;
	uint64_t received;
	uint64_t duplicated;
	uint64_t reordered;
	uint64_t too_old;
	uint64_t unsigned_frames;
	int64_t missing; /* sequence numbers passed over, less those that came later */
	uint64_t latency_count;
	uint64_t latency_sum_ns;
	uint64_t latency_max_ns;
};
struct lk_trial;
struct lk_trial *lk_trial_create(const struct lk_trial_config *config);
int lk_trial_add_stream(struct lk_trial *trial, uint32_t index,
			const struct lk_stream_config *config);
void lk_trial_start(struct lk_trial *trial);
void lk_trial_stop(struct lk_trial *trial);
void lk_trial_counts(const struct lk_trial *trial, struct lk_trial_counts *counts);
int lk_trial_stream_counts(const struct lk_trial *trial, uint32_t index,
			   struct lk_stream_counts *out);
int lk_trial_lane_counts(const struct lk_trial *trial, uint32_t lane, struct lk_lane_counts *out);
uint32_t lk_trial_ticks(const struct lk_trial *trial, struct lk_tick *out, uint32_t room);
int lk_trial_histogram(const struct lk_trial *trial, int32_t index, struct lk_histogram *out);
void lk_trial_free(struct lk_trial *trial);

/* live.c */
enum { LK_MOST_PLACES = 16 };
struct lk_change {
	enum lk_change_kind kind;
	uint32_t index;			       /* of the stream */
	const struct lk_stream_config *stream; /* of LK_FLOW_START and LK_FLOW_SET */
};
struct lk_flow_counts {
	/* since it was cleared */
	uint64_t sent;
	uint64_t sent_bytes; /* with FCS */
	uint64_t unsent;     /* due, and neither sent nor to be sent any more */
	uint64_t received;   /* for the first time */
	uint64_t received_bytes;
	uint64_t passed_over; /* numbers below the highest one that came, and not come themselves */
	uint64_t reordered;
	uint64_t duplicated;
	uint64_t late; /* too old to be told from a duplicate */
	uint64_t latency_count;
	uint64_t latency_sum_ns;
	uint64_t latency_min_ns;
	uint64_t latency_max_ns;
	uint64_t first_ns; /* since the epoch, of the first and the last arrival; 0: none yet */
	uint64_t last_ns;
	uint64_t by_place[LK_MOST_PLACES];
	/* over its whole life */
	uint64_t total_sent;
	uint64_t total_unsent;
	uint64_t total_received;
	uint64_t total_reordered;
	uint64_t total_duplicated;
	uint64_t total_late;
	/* now */
	uint64_t state;	   /* enum lk_flow_state */
	uint64_t behind;   /* frames that are overdue and will be sent late */
	uint64_t still_ns; /* since its last frame left or came */
};
struct lk_live_totals {
	uint64_t refusals;	  /* frames that the port did not take at once */
	uint64_t unsigned_frames; /* arrived without a signature */
	uint64_t unsigned_bytes;
};
/* Has the generator's workers change streams, all at once at this TSC; what it told before must be
 * done. Waits until it is, at most for so long: -ETIMEDOUT, and it will be done later. */
int lk_live_change(struct lk_trial *trial, const struct lk_change *changes, uint32_t count,
		   uint64_t at);
int lk_live_wait(struct lk_trial *trial, uint64_t timeout_ns);
/* One after the other, each consistent in itself, and none received more than sent. Returns how
 * many. */
uint32_t lk_live_counts(const struct lk_trial *trial, uint32_t first, struct lk_flow_counts *out,
			uint32_t room, struct lk_live_totals *totals);
/* Frames may arrive on more than one worker from now on. */
void lk_live_share(struct lk_trial *trial);

/* filter.c: libpcap's program, as machine code where that can be (errno where it is NULL) */
struct lk_filter;
struct lk_filter *lk_filter_create(const struct lk_bpf_insn *program, uint32_t count);
void lk_filter_free(struct lk_filter *filter);

/* impair.c */
struct lk_impair_config {
	double loss; /* probabilities of a frame */
	double duplicate;
	double reorder;
	uint32_t displacement; /* frames that pass one that is held back */
	uint64_t seed;
	double burst_start; /* that a burst of loss begins or ends behind a frame; */
	double burst_end;
	double burst_loss; /* that a frame in one is lost */
	double corrupt;
	double truncate;
	int32_t corrupt_part; /* enum lk_part */
};
struct lk_impair_counts {
	uint64_t lost;
	uint64_t lost_in_bursts;
	uint64_t bursts; /* that have begun */
	uint64_t copied;
	uint64_t corrupted;
	uint64_t truncated;
	uint64_t reordered; /* passed by a later frame */
	uint64_t held;	    /* now */
};
struct lk_impair;
struct lk_impair *lk_impair_create(const struct lk_impair_config *config);
void lk_impair_counts(const struct lk_impair *impair, struct lk_impair_counts *counts);
void lk_impair_free(struct lk_impair *impair);

/* sick.c, told.c */
struct lk_sick_config {
	int32_t tx;
	int32_t rx;
	int32_t refusal;      /* verdict on frames that neither ring nor backlog has room for */
	int32_t read_error;   /* errno of reading counters; 0: none */
	uint32_t ring;	      /* descriptors of a transmit queue */
	uint32_t backlog;     /* frames in the queue in front of it */
	uint32_t longest;     /* frame that does not vanish */
	uint64_t after_bytes; /* that are sent before it begins */
};
struct lk_sick_counts {
	uint64_t began_ns; /* since the epoch; 0: not yet */
	uint64_t in_ring;  /* frames, of all queues */
	uint64_t ring_bytes;
	uint64_t in_backlog;
	uint64_t backlog_bytes;
	uint64_t refused;
	uint64_t unreturned;
	uint64_t lost;	     /* that the device took and lost */
	uint64_t read_error; /* errno of reading what its driver counts; 0: it can be read */
};
struct lk_told {
	char name[64];
	char xstat[64];
	int32_t of;
	uint64_t value; /* is added, modulo 2^64 */
};
int lk_sick_set(uint16_t id, const struct lk_sick_config *config);
int lk_sick_flush(uint16_t id, int sends);
void lk_sick_counts(uint16_t id, struct lk_sick_counts *counts);
int lk_sick_tell(uint16_t id, const struct lk_told *told);
int lk_sick_told(uint16_t id, uint64_t *values, uint32_t room);
int lk_told_begin(uint16_t id, uint32_t kept);
int lk_told_join(uint16_t id, const char *name, int graph, unsigned int place, unsigned int counter,
		 int is_level);

/* capture.c, tap.c */
enum lk_capture_end {
	LK_CAPTURE_GOES_ON,
	LK_CAPTURE_FRAMES, /* it has as many as it was to have */
	LK_CAPTURE_BYTES,
	LK_CAPTURE_TIME,
	LK_CAPTURE_FAILED, /* it could not be written on */
};
struct lk_capture_config {
	const char *file;
	const char *interface;
	int32_t is_pcap;
	uint32_t snaplen;
	uint64_t frames; /* that end it; 0: no number does, and so with the others */
	uint64_t bytes;
	uint64_t ns;
	uint64_t file_frames; /* of a file, then the next begins; 0: as above */
	uint64_t file_bytes;
	uint64_t file_ns;
	uint32_t files;		  /* the newest, that are kept; 0: all */
	struct lk_filter *filter; /* NULL: every frame; it goes with the capture */
};
struct lk_capture_counts {
	uint64_t written;
	uint64_t missed;
	uint64_t passed_over; /* after the end */
	uint64_t waiting;     /* in the journal */
	uint64_t unsent;      /* of those written: the driver did not take them */
	uint64_t bytes;	      /* of all files */
	uint64_t files;
	uint64_t newest; /* where the last LK_CAPTURE_NEWEST frames of the newest file begin */
	int32_t ended;	 /* enum lk_capture_end */
	int32_t error;
	char file[4096]; /* the newest one */
};
enum { LK_CAPTURE_NEWEST = 32 };
struct lk_capture;
int lk_capture_open(const struct lk_capture_config *config, struct lk_capture **capture);
void lk_capture_counts(struct lk_capture *capture, struct lk_capture_counts *counts);
/* Everything that came so far is in the files; -ETIMEDOUT when it is not after this time. */
int lk_capture_flush(struct lk_capture *capture, uint64_t ns);
void lk_capture_close(struct lk_capture *capture);
int lk_tap_add(uint16_t port, struct lk_capture *capture);
void lk_tap_remove(uint16_t port, struct lk_capture *capture);

/* frames to and from the parent process */
struct lk_frame_ring *lk_ring_map(int fd, uint64_t bytes);
void lk_ring_unmap(struct lk_frame_ring *ring, uint64_t bytes);
int lk_port_listen(uint16_t id, uint32_t slot, int descriptor);

/* queue.c */
enum { LK_QUEUE_CLASSES = 32 };
struct lk_queue_class {		  /* of frames that have a queue of their own in front of a link */
	uint64_t dscps;		  /* a bit for each that it takes */
	uint32_t pcps;		  /* the same, of VLAN tags */
	struct lk_filter *filter; /* NULL: none */
	uint32_t weight;	  /* 0: it goes before those that have one */
	int32_t limits_frames;
	uint64_t limit;
};

/* graph.c */
enum { LK_NODE_VALUES = 12, LK_NODE_DATA = 4, LK_ROW_CELLS = 16 };
struct lk_node_value { /* a number, as either */
	int64_t whole;
	double real;
};
struct lk_node_data { /* of any size; there while the graph is made */
	const uint8_t *bytes;
	uint64_t length;
};
struct lk_node_config {
	const char *kind;
	const char *name;
	int32_t next; /* index of the node behind each output, -1: drop_unhandled */
	int32_t other;
	int32_t outputs[LK_MAX_OUTPUTS]; /* further ones, that have names of their own */
	int32_t state_of; /* index of the node whose state it works on, -1: its own, if it has any
			   */
	uint16_t port;
	uint16_t queue;
	uint16_t lane;
	uint16_t place;	 /* of the declared node; a lane that reads several queues has several */
	uint16_t stamps; /* a source writes its port into m->port */
	uint16_t knows_connections; /* all frames come here by a conntrack */
	uint16_t knows_due;	    /* and by a node that tells when they left it */
	uint16_t tells_due;	    /* a node behind it knows that */
	struct lk_endpoint endpoint;
	struct lk_frame_ring *ring;
	struct lk_capture *capture;
	struct lk_probe *probe;
	struct lk_tunnel tunnel; /* made ready */
	struct lk_trial *trial;
	struct lk_impair *impair;
	struct lk_filter *filter;		     /* NULL: every frame */
	struct lk_node_value values[LK_NODE_VALUES]; /* of parameters that have no place above */
	struct lk_node_data data[LK_NODE_DATA];
};
struct lk_row { /* of the table that a node keeps */
	uint64_t cells[LK_ROW_CELLS];
};
struct lk_node_counters {
	uint64_t calls;
	uint64_t objects;
	uint64_t cycles;
};
struct lk_drop_counters {
	uint64_t frames;
	uint64_t measured; /* those that carry a signature */
};
int lk_graph_create(const char *name, const struct lk_node_config *nodes, unsigned int count,
		    unsigned int places);
int lk_graph_set_next(int graph, int next);
int lk_graph_counters(int graph, struct lk_node_counters *nodes, struct lk_drop_counters *drops);
int lk_path_counters(int graph, struct lk_node_counters *nodes, struct lk_drop_counters *drops);
int lk_graph_left(int graph, unsigned int place, uint64_t *left);
int lk_path_left(int graph, unsigned int place, uint64_t *left);
const uint64_t *lk_graph_state(int graph, unsigned int place);
void lk_graph_refresh(int graph, unsigned int place);
int lk_graph_rows(int graph, unsigned int place, uint64_t *cursor, struct lk_row *rows,
		  uint32_t room);
int lk_graph_change(int graph, unsigned int place, const struct lk_node_config *config,
		    unsigned int lcore);
int lk_graph_clear(int graph, unsigned int place);
uint64_t lk_graph_received(int graph, uint16_t port, uint16_t queue);
int lk_graph_lane(int graph, struct lk_recorded_lane *lane);
int lk_graph_destroy(int graph);
const char *lk_node_kind(unsigned int index);

/* cell.c, drop.c, from_python.c: nodes of users' own */
int lk_python_kind(const char *name);
int lk_cell_load(const char *file, const char *kind, uint32_t counters);
int lk_cell_number(const char *kind, uint32_t what, const char *name, uint32_t number);
int lk_own_drop(const char *kind, unsigned int number, const char *name);

/* worker.c */
struct lk_worker_info {
	int32_t cpu; /* -1: floats */
	uint32_t graphs;
	uint64_t loops;
	uint64_t busy_ns; /* in loops that moved frames */
	uint64_t idle_ns; /* in loops that did not, and asleep */
	uint64_t busy_cycles;
	uint64_t idle_cycles;
};
int lk_worker_start(unsigned int lcore, int cpu);
void lk_worker_settle(unsigned int lcore);
int lk_worker_run(unsigned int lcore, const int *graphs, unsigned int count);
int lk_worker_info(unsigned int lcore, struct lk_worker_info *info);
int lk_worker_stop(unsigned int lcore);
/* As long as more asked for it than gave it up no worker rests; `by` is 1 or -1. */
void lk_workers_keep_awake(int by);

/* recorder.c */
enum lk_recorded {
	LK_RECORD_PORT,	  /* its xstats */
	LK_RECORD_LINK,	  /* of a port (struct lk_recorded_link) */
	LK_RECORD_TOLD,	  /* what the driver of a sick port tells */
	LK_RECORD_GRAPH,  /* calls, objects, cycles of each node, then frames of each drop, of this
			     lane and all that follow it */
	LK_RECORD_LANE,	  /* struct lk_recorded_lane */
	LK_RECORD_WORKER, /* struct lk_recorded_worker */
	LK_RECORD_POOL,	  /* of a port: mbufs in use, available (struct lk_recorded_level) */
	LK_RECORD_RING,	  /* of a ring port's queue: frames in it, room left (the same) */
	LK_RECORD_STATE,  /* of a graph's node, its place as `queue`: the counters of its state */
};
struct lk_recorder_part {
	enum lk_recorded kind;
	uint32_t id; /* port, graph or lcore */
	uint32_t queue;
	uint32_t count; /* of values */
};
struct lk_recorder;
/* Writes rows of `room` values into the memory of `fd`, as recorder_memory.h lays them out. */
struct lk_recorder *lk_recorder_start(int fd, uint64_t rows, uint32_t room, uint64_t interval_ns);
int lk_recorder_set_plan(struct lk_recorder *recorder, uint64_t generation,
			 const struct lk_recorder_part *parts, uint32_t count);
void lk_recorder_stop(struct lk_recorder *recorder);

/* trace.c */
struct lk_trace_step {
	uint32_t packet;
	int32_t graph;
	int32_t node;	 /* index in the graph, or -1 - verdict for a drop node */
	uint32_t length; /* of the frame */
	uint32_t kept;	 /* bytes that follow in the step's slot */
	uint64_t tsc;
};
int lk_trace_start(uint32_t packets, uint32_t steps, uint32_t snaplen);
uint32_t lk_trace_packets(void);
uint32_t lk_trace_read(uint32_t step, struct lk_trace_step *out, uint8_t *bytes);
void lk_trace_stop(void);

#endif
