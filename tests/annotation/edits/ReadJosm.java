import java.io.FileInputStream;
import java.io.InputStream;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.openstreetmap.josm.data.APIDataSet;
import org.openstreetmap.josm.data.Preferences;
import org.openstreetmap.josm.data.osm.DataSet;
import org.openstreetmap.josm.data.osm.MultipolygonBuilder;
import org.openstreetmap.josm.data.osm.MultipolygonBuilder.JoinedPolygon;
import org.openstreetmap.josm.data.osm.Node;
import org.openstreetmap.josm.data.osm.OsmPrimitive;
import org.openstreetmap.josm.data.osm.Relation;
import org.openstreetmap.josm.data.osm.Way;
import org.openstreetmap.josm.data.preferences.JosmBaseDirectories;
import org.openstreetmap.josm.data.projection.ProjectionRegistry;
import org.openstreetmap.josm.data.projection.Projections;
import org.openstreetmap.josm.gui.progress.NullProgressMonitor;
import org.openstreetmap.josm.io.OsmChangeReader;
import org.openstreetmap.josm.io.OsmReader;
import org.openstreetmap.josm.spi.preferences.Config;
import org.openstreetmap.josm.tools.Pair;

/** What JOSM makes of a file, a line for each thing, columns parted by tabs: policy, tags, elements, areas, uploads. */
public class ReadJosm {
    public static void main(String[] args) throws Exception {
        Config.setPreferencesInstance(Preferences.main());
        Config.setBaseDirectoriesProvider(JosmBaseDirectories.getInstance());
        ProjectionRegistry.setProjection(Projections.getProjectionByCode("EPSG:3857"));
        try (InputStream in = new FileInputStream(args[0])) {
            DataSet data = args[0].endsWith(".osc")
                ? OsmChangeReader.parseDataSet(in, NullProgressMonitor.INSTANCE)
                : OsmReader.parseDataSet(in, NullProgressMonitor.INSTANCE);
            tell("policy", data.getUploadPolicy());
            new TreeMap<>(data.getChangeSetTags()).forEach((key, value) -> tell("tag", key, value));
            for (OsmPrimitive one : data.allPrimitives()) {
                String key = one.getType().getAPIName() + "/" + one.getUniqueId();
                tell("element", key, one.getVersion(), state(one), one.isDrawable(), one.get("building"), shape(one));
                if (one instanceof Relation && one.isUsable() && ((Relation) one).isMultipolygon()) area(key, (Relation) one);
            }
            tell("uploads", new APIDataSet(data).getSize());
        }
    }

    private static void tell(Object... columns) {
        System.out.println(Stream.of(columns).map(String::valueOf).collect(Collectors.joining("\t")));
    }

    private static String state(OsmPrimitive one) {
        if (one.isDeleted()) return "deleted";
        return one.isIncomplete() ? "incomplete" : one.isNew() ? "new" : one.isModified() ? "modified" : "kept";
    }

    /** The rings that JOSM joins the member ways to; none where it can't. */
    private static void area(String key, Relation one) {
        try {
            Pair<List<JoinedPolygon>, List<JoinedPolygon>> rings = MultipolygonBuilder.joinWays(one);
            tell("area", key, corners(rings.a), corners(rings.b));
        } catch (MultipolygonBuilder.JoinedPolygonCreationException e) {
            tell("area", key, "", "");
        }
    }

    private static String corners(List<JoinedPolygon> rings) {
        return rings.stream().map(ring -> corners(ring.nodes.stream())).collect(Collectors.joining(";"));
    }

    private static String corners(Stream<Node> nodes) {
        return nodes.map(node -> node.lon() + " " + node.lat()).collect(Collectors.joining(","));
    }

    private static String shape(OsmPrimitive one) {
        return one instanceof Way ? corners(((Way) one).getNodes().stream()) : "";
    }
}
