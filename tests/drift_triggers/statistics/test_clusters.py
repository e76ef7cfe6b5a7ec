"""Clusters of recent texts on new topics."""

from made_windows import ANCHORS, FOREIGN, REFERENCE, asked, world

from drift_triggers import new_clusters


def test_new_clusters_name_share_terms_and_the_nearest_known_texts():
    observation = world(asked(9, 200, (0, 1, 6, 7), words=FOREIGN))
    clusters = new_clusters(observation)
    assert clusters
    assert 0.2 < sum(cluster.share for cluster in clusters) < 0.8
    assert set(clusters[0].terms) & set(FOREIGN)
    assert all(text in REFERENCE.texts for text in clusters[0].nearest)
    assert all(cluster.intra_cluster_distance > 0 for cluster in clusters)
    assert all(text in ANCHORS.texts for text in clusters[0].anchor_queries)
    assert len(clusters[0].anchor_queries) == 3


def test_clusters_can_be_named_without_anchor_sets():
    observation = world(asked(9, 200, (0, 1, 6, 7)), anchor_queries=None)
    assert {cluster.anchor_queries for cluster in new_clusters(observation)} == {()}


def test_a_quiet_window_has_no_large_new_cluster():
    assert sum(cluster.share for cluster in new_clusters(world())) < 0.2
